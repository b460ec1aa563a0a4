"""Aggregation rules: every rule mixes rows with a small matrix, or sorts and trims each coordinate.

`conflict_averse`, `cross_attention` and `HyperWeights` work on plain tensors; the others are rules of a federation.
"""

from fedhca.aggregation.absence import apply_among
from fedhca.aggregation.aggregator import Aggregator, Answer, Decision, State
from fedhca.aggregation.common_step import common_step
from fedhca.aggregation.conflict_averse import conflict_averse, hyper_conflict_averse
from fedhca.aggregation.cross_attention import cross_attention, hyper_cross_attention
from fedhca.aggregation.cross_group import cross_group
from fedhca.aggregation.dynamic_groups import dynamic_groups
from fedhca.aggregation.geometric_median import geometric_median
from fedhca.aggregation.gradient_surgery import gradient_surgery
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.keep import keep
from fedhca.aggregation.krum import krum
from fedhca.aggregation.mean import mean
from fedhca.aggregation.message_passing import message_passing
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.own_norms import own_norms
from fedhca.aggregation.rows import Member, Rows
from fedhca.aggregation.trimmed_mean import coordinate_median, trimmed_mean
from fedhca.aggregation.trimming import Trimming
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
    "Trimming",
    "apply_among",
    "common_step",
    "conflict_averse",
    "coordinate_median",
    "cross_attention",
    "cross_group",
    "dynamic_groups",
    "geometric_median",
    "gradient_surgery",
    "hyper_conflict_averse",
    "hyper_cross_attention",
    "keep",
    "krum",
    "mean",
    "message_passing",
    "own_norms",
    "trimmed_mean",
    "weighted_sum",
]
