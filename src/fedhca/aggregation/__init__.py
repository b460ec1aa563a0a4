"""Aggregation rules: every rule mixes rows with a small matrix.

`conflict_averse`, `cross_attention` and `HyperWeights` work on plain tensors; the others are rules of a federation.
"""

from fedhca.aggregation.absence import apply_among
from fedhca.aggregation.aggregator import Aggregator, Answer, Decision, State
from fedhca.aggregation.common_step import common_step
from fedhca.aggregation.conflict_averse import conflict_averse, hyper_conflict_averse
from fedhca.aggregation.cross_attention import cross_attention, hyper_cross_attention
from fedhca.aggregation.cross_group import cross_group
from fedhca.aggregation.dynamic_groups import dynamic_groups
from fedhca.aggregation.gradient_surgery import gradient_surgery
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.keep import keep
from fedhca.aggregation.mean import mean
from fedhca.aggregation.message_passing import message_passing
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.own_norms import own_norms
from fedhca.aggregation.rows import Member, Rows
from fedhca.aggregation.weighted_sum import weighted_sum

__all__ = [
    "Aggregator",
    "Answer",
    "Decision",
    "HyperOptions",
    "HyperWeights",
    "Member",
    "Mixing",
    "Rows",
    "State",
    "apply_among",
    "common_step",
    "conflict_averse",
    "cross_attention",
    "cross_group",
    "dynamic_groups",
    "gradient_surgery",
    "hyper_conflict_averse",
    "hyper_cross_attention",
    "keep",
    "mean",
    "message_passing",
    "own_norms",
    "weighted_sum",
]
