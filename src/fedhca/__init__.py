"""fedhca: hetero-client federated multi-task learning (FedHCA², CVPR 2024).

    run, Participant               a federation in this process: of a recipe, or of your own data, tasks and backbone
    Federation                     how it is run: rounds, training, guard, privacy, and who takes part when
    Training, Guard, Privacy, Compression
                                   parts of it
    Site                           the machine: device, loading processes, where states are
    Server                         a method's server for any transport: named tensors in, each client's own out
    trained                        one participant's model, from the folder of such a run
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
    from fedhca.client.participant import Participant
    from fedhca.config.federation import Compression, Federation, Guard, Privacy, Site, Training
    from fedhca.errors import FedhcaError
    from fedhca.experiment.recipes import load_recipe
    from fedhca.experiment.run import run
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.experiment.trained import trained
    from fedhca.methods import Method, make_method
    from fedhca.models.encoder import backbone
    from fedhca.server.server import Server
    from fedhca.sharing.predictor import Predictor

_HOMES = {
    "Compression": "fedhca.config.federation",
    "Federation": "fedhca.config.federation",
    "FedhcaError": "fedhca.errors",
    "Guard": "fedhca.config.federation",
    "HyperOptions": "fedhca.aggregation",
    "HyperWeights": "fedhca.aggregation",
    "Method": "fedhca.methods",
    "Participant": "fedhca.client.participant",
    "Predictor": "fedhca.sharing.predictor",
    "Privacy": "fedhca.config.federation",
    "RunFolder": "fedhca.experiment.run_folder",
    "Server": "fedhca.server.server",
    "Site": "fedhca.config.federation",
    "Training": "fedhca.config.federation",
    "backbone": "fedhca.models.encoder",
    "conflict_averse": "fedhca.aggregation",
    "cross_attention": "fedhca.aggregation",
    "load_recipe": "fedhca.experiment.recipes",
    "make_method": "fedhca.methods",
    "run": "fedhca.experiment.run",
    "trained": "fedhca.experiment.trained",
}

__all__ = [
    "Compression",
    "Federation",
    "FedhcaError",
    "Guard",
    "HyperOptions",
    "HyperWeights",
    "Method",
    "Participant",
    "Predictor",
    "Privacy",
    "RunFolder",
    "Server",
    "Site",
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
