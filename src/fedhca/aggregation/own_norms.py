"""Normalisation stays home (FedBN; Li et al., ICLR 2021): everyone keeps its own normalisation layers."""

import torch

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows


def own_norms(*, by_examples: bool = False) -> Aggregator:
    """Average all parameters but those of normalisation layers, of which everyone keeps its own.

        answer_i = Σ_j p_j w_j on all other segments,     answer_i = w_i on normalisation layers

    Which layers those are is a fact of the model (BatchNorm, LayerNorm, GroupNorm, …) that its layout bears. Running
    statistics never travel under any method.

    Args:
        by_examples: weigh participants by their number of training examples.

    """

    def rule(rows: Rows) -> Mixing:
        counts = [member.examples if by_examples else 1 for member in rows.members]
        share = torch.tensor(counts, dtype=torch.float64) / sum(counts)
        norm = torch.tensor([[float(each.norm)] for each in rows.layout.segments], dtype=torch.float64)
        own = norm.expand(-1, len(counts))
        return Mixing("weights", share.expand(len(norm), 1, -1), (1 - own)[:, :, None], own)

    return stateless(rule)
