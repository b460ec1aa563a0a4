"""Attentive message passing (FedAMP; Huang et al., AAAI 2021): each takes in from those near it."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.distances import squared_distances
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.errors import RecipeError, unknown

Kernel = Literal["scale_free", "raw"]
KERNELS = ("scale_free", "raw")


def message_passing(
    *, kappa: float = 0.5, tau: float = 1.0, kernel: Kernel = "scale_free", alpha: float = 1.0, sigma: float = 1.0
) -> Aggregator:
    """Answer each participant its cloud model, a mix by the nearness of weights.

        u_i = (1 − Σ_{j≠i} ξ_ij) w_i + Σ_{j≠i} ξ_ij w_j,     ξ_ij = (α/σ) exp(−‖w_i − w_j‖² / σ)

    With the public defaults α = σ = 1 the self weight is −4 for six participants that are close together, and all ξ are
    ~1e-24 once they are not. `scale_free` sets σ = τ·median_{i<j} ‖w_i − w_j‖² and α = σκ/(m − 1) anew each round, so
    that ξ_ij ≤ κ/(m − 1) and the self weight is at least 1 − κ, whatever the size of the model.

    Args:
        kappa: κ in [0, 1], the largest share taken in from others; 0 answers what was sent, bit for bit.
        tau: τ > 0, width of the kernel in medians.
        kernel: `scale_free`, or `raw`: the formula with α and σ as given.
        alpha: α of the raw kernel, at least 0.
        sigma: σ of the raw kernel, above 0.

    Raises:
        RecipeError: an option is outside its range.

    """
    if kernel not in KERNELS:
        raise RecipeError(unknown("kernel", kernel, KERNELS))
    if not 0 <= kappa <= 1:
        raise RecipeError(f"Parameter `kappa` should be in [0, 1]. Found `kappa = {kappa}`.")
    if not 0 <= alpha < math.inf:
        raise RecipeError(f"Parameter `alpha` should be a number, at least 0. Found `alpha = {alpha}`.")
    for name, value in (("tau", tau), ("sigma", sigma)):
        if not 0 < value < math.inf:
            raise RecipeError(f"Parameter `{name}` should be a number above 0. Found `{name} = {value}`.")

    def rule(rows: Rows) -> Mixing:
        distances = squared_distances(rows.centred_gram)
        near = _nearness(distances, tau) * kappa if kernel == "scale_free" else alpha / sigma * _exp(distances, sigma)
        near.fill_diagonal_(0.0)
        return Mixing("weights", (near + torch.diag(1 - near.sum(1)))[None])

    return stateless(rule)


def _nearness(distances: Float[Tensor, "m m"], tau: float) -> Float[Tensor, "m m"]:
    """Return exp(−‖w_i − w_j‖² / σ) / (m − 1), 1/(m − 1) where most are equal."""
    m = len(distances)
    above = distances[tuple(torch.triu_indices(m, m, 1))]
    if m == 1 or not (sigma := tau * float(above.quantile(0.5))) > 0:
        return (distances == 0).double() / max(m - 1, 1)
    return _exp(distances, sigma) / (m - 1)


def _exp(distances: Float[Tensor, "m m"], sigma: float) -> Float[Tensor, "m m"]:
    return torch.exp(-distances / sigma)
