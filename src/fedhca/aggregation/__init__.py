"""Aggregation rules: every rule mixes rows with a small matrix.

`conflict_averse`, `cross_attention` and `HyperWeights` work on plain tensors; the others are rules of a federation.
"""

from fedhca.aggregation.aggregator import Aggregator, Answer, State
from fedhca.aggregation.conflict_averse import conflict_averse, hyper_conflict_averse
from fedhca.aggregation.cross_attention import cross_attention, hyper_cross_attention
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.keep import keep
from fedhca.aggregation.mean import mean
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Member, Rows

__all__ = [
    "Aggregator",
    "Answer",
    "HyperOptions",
    "HyperWeights",
    "Member",
    "Mixing",
    "Rows",
    "State",
    "conflict_averse",
    "cross_attention",
    "hyper_conflict_averse",
    "hyper_cross_attention",
    "keep",
    "mean",
]
