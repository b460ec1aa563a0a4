"""Gradient surgery (PCGrad; Yu et al., NeurIPS 2020) on the clients' updates: the mean without their conflicts."""

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows


def gradient_surgery() -> Aggregator:
    """Give everyone the same step, the mean of updates freed of their conflicts.

        Δ_i ← Δ_i − (⟨Δ_i, Δ_j⟩ / ‖Δ_j‖²) Δ_j     for every j with ⟨Δ_i, Δ_j⟩ < 0, one after the other
        answer_i = start_i + mean_i Δ_i

    The paper takes the j in random order; here the strongest conflict (least cosine to the original update) comes
    first, so that neither chance nor the order of clients matters. Everyone goes on from one model if everyone had one.
    """

    def rule(rows: Rows) -> Mixing:
        step = surgery_coefficients(rows.gram).mean(0)
        return Mixing("steps", step[None, None], torch.ones(1, len(rows.members), 1, dtype=torch.float64))

    return stateless(rule)


def surgery_coefficients(products: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """Return P with Σ_j P_ij Δ_j the i-th update after surgery, from the Gram matrix of the updates."""
    lengths = products.diagonal().sqrt()
    scale = lengths[:, None] * lengths
    cosines = torch.where(scale > 0, products / scale, 0.0)
    result = torch.eye(len(products), dtype=torch.float64)
    for i, order in enumerate(cosines.argsort(dim=1, stable=True).tolist()):
        for j in order:
            conflict = result[i] @ products[:, j]
            if j != i and conflict < 0:
                result[i, j] -= conflict / products[j, j]
    return result
