"""fedhca: hetero-client federated multi-task learning (FedHCA², CVPR 2024).

    run, Participant, Training     a federation in this process, from your own data sets, tasks and backbone
    trained                        one participant's model, from the folder of such a run
    Privacy                        differential privacy of what clients send
    Policy                         what to do about clients that do not answer
    Guard                          what to do about clients that send far more than others
    backbone                       an encoder from the transformers library
    make_method, Method            the catalogue of methods: fedhca2, its rivals, its variants
    conflict_averse, cross_attention, HyperWeights, HyperOptions
                                   the rules of FedHCA² alone, on plain tensors
    load_recipe, RunFolder         experiments as YAML, runs as folders
    Predictor                      one client's model on its own, from a folder or the hub
    FedhcaError                    the root of all errors

A name is loaded when it is first used: a server needs no model library, and `fedhca --help` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedhca.aggregation import HyperOptions, HyperWeights, conflict_averse, cross_attention
    from fedhca.client.privacy import Privacy
    from fedhca.client.training import Training
    from fedhca.errors import FedhcaError
    from fedhca.experiment.participant import Participant
    from fedhca.experiment.recipes import load_recipe
    from fedhca.experiment.run import run
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.experiment.trained import trained
    from fedhca.methods import Method, make_method
    from fedhca.models.encoder import backbone
    from fedhca.server.guard import Guard
    from fedhca.server.policy import Policy
    from fedhca.sharing.predictor import Predictor

_HOMES = {
    "FedhcaError": "fedhca.errors",
    "Guard": "fedhca.server.guard",
    "HyperOptions": "fedhca.aggregation",
    "HyperWeights": "fedhca.aggregation",
    "Method": "fedhca.methods",
    "Participant": "fedhca.experiment.participant",
    "Policy": "fedhca.server.policy",
    "Predictor": "fedhca.sharing.predictor",
    "Privacy": "fedhca.client.privacy",
    "RunFolder": "fedhca.experiment.run_folder",
    "Training": "fedhca.client.training",
    "backbone": "fedhca.models.encoder",
    "conflict_averse": "fedhca.aggregation",
    "cross_attention": "fedhca.aggregation",
    "load_recipe": "fedhca.experiment.recipes",
    "make_method": "fedhca.methods",
    "run": "fedhca.experiment.run",
    "trained": "fedhca.experiment.trained",
}

__all__ = [
    "FedhcaError",
    "Guard",
    "HyperOptions",
    "HyperWeights",
    "Method",
    "Participant",
    "Policy",
    "Predictor",
    "Privacy",
    "RunFolder",
    "Training",
    "backbone",
    "conflict_averse",
    "cross_attention",
    "load_recipe",
    "make_method",
    "run",
    "trained",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fedhca' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
