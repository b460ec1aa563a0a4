"""fedhca: hetero-client federated multi-task learning (FedHCA², CVPR 2024).

run, Participant, Training     a federation in this process, from your own data sets, tasks and backbone
backbone                       an encoder from the transformers library
make_method, Method            the catalogue of methods: fedhca2, official, fedavg, local
conflict_averse, cross_attention, HyperWeights, HyperOptions
                               the rules of FedHCA² alone, on plain tensors
load_recipe, RunFolder         experiments as YAML, runs as folders
FedhcaError                    the root of all errors
"""

from fedhca.aggregation import HyperOptions, HyperWeights, conflict_averse, cross_attention
from fedhca.client.training import Training
from fedhca.errors import FedhcaError
from fedhca.experiment.participant import Participant
from fedhca.experiment.recipes import load_recipe
from fedhca.experiment.run import run
from fedhca.experiment.run_folder import RunFolder
from fedhca.methods import Method, make_method
from fedhca.models.encoder import backbone

__all__ = [
    "FedhcaError",
    "HyperOptions",
    "HyperWeights",
    "Method",
    "Participant",
    "RunFolder",
    "Training",
    "backbone",
    "conflict_averse",
    "cross_attention",
    "load_recipe",
    "make_method",
    "run",
]
