"""Dynamic grouping (MaT-FL; Cai et al., CVPRW 2023): who learns alike averages together, found anew each round."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch import Tensor
from torch.nn import functional

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.errors import RecipeError, unknown

Signal = Literal["weights", "updates"]
SIGNALS = ("weights", "updates")


def dynamic_groups(
    *, groups: int = 2, soft: bool = False, threshold: float = 0.0, signal: Signal = "weights"
) -> Aggregator:
    """Answer each participant the mean of its group.

    Groups are found each round by agglomerative clustering (average linkage) with the distance

        d_ij = 1 − cos(x_i, x_j),     x_i = w_i − w̄,

    w_i what was sent. `soft` has no groups: answer_i = Σ_j p_ij w_j, p_ij ∝ max(cos(x_i, x_j) + threshold, 0). A
    participant with x = 0 is at distance 0 to everyone: it is in all groups.

    Args:
        groups: how many at most, at least 1 (those no distance tells apart stay together); as many as participants, or
            more, keep everyone alone, bit for bit.
        soft: weigh by similarity instead of grouping.
        threshold: of the soft weights, in (−1, 1].
        signal: `weights` as above, or `updates`: x_i = Δ_i, not centred.

    Raises:
        RecipeError: an option is outside its range.

    """
    if groups < 1:
        raise RecipeError(f"Parameter `groups` should be at least 1. Found `groups = {groups}`.")
    if not -1 < threshold <= 1:
        raise RecipeError(f"Parameter `threshold` should be in (-1, 1]. Found `threshold = {threshold}`.")
    if signal not in SIGNALS:
        raise RecipeError(unknown("signal", signal, SIGNALS))

    def rule(rows: Rows) -> Mixing:
        products = rows.centred_gram if signal == "weights" else rows.gram
        cosines, moved = _cosines(products), products.diagonal() > 0
        shares = (cosines + threshold).clamp_min(0.0) if soft else _together(cosines, moved, groups)
        means, member = (shares / shares.sum(1, keepdim=True)).unique(dim=0, return_inverse=True)
        return Mixing("weights", means[None], functional.one_hot(member, len(means)).double()[None])

    return stateless(rule)


def _cosines(products: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """Return cos(x_i, x_j) from the Gram matrix; 1 with a vector of zeros."""
    lengths = products.diagonal().clamp_min(0.0).sqrt()
    scale = lengths[:, None] * lengths
    return torch.where(scale > 0, products / scale, 1.0).clamp(-1, 1).fill_diagonal_(1.0)


def _together(cosines: Float[Tensor, "m m"], moved: Bool[Tensor, " m"], groups: int) -> Float[Tensor, "m m"]:
    """Return 1 for every pair in one group, else 0; who has no direction is in all groups."""
    m = len(cosines)
    if groups >= m:
        return torch.eye(m, dtype=torch.float64)
    together = torch.ones_like(cosines)
    here = moved.nonzero()[:, 0]
    if len(here) > 1:
        distances = (1 - cosines[here][:, here]).numpy()
        tree = linkage(squareform(distances, checks=False), method="average")
        label = torch.from_numpy(fcluster(tree, groups, criterion="maxclust"))
        together[here[:, None], here] = (label[:, None] == label).double()
    return together
