"""Krum: only those count whose updates have enough others near them."""

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.distances import told_apart
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.errors import RecipeError

TIE = 1e-9


def krum(*, byzantine: int | None = None) -> Aggregator:
    """Answer everyone the mean of the m − f that lie closest together (Multi-Krum; Blanchard et al., NeurIPS 2017).

        s_i = Σ_{j ∈ N_i} ‖Δ_i − Δ_j‖²,     N_i the m − f − 2 nearest to i
        answer = 1/(m − f) Σ_{i ∈ S} w_i,   S the m − f with the least s_i

    Those whose s is equal share their places evenly, so that the order of participants plays no part. If f of them
    lie, and m ≥ 2f + 3, each of S is no further from some honest update than √((m−f−2)/(m−2f−1)) times the distance
    between the two honest ones that lie furthest apart.

    Args:
        byzantine: f, how many may lie; ⌊(m − 3)/2⌋, the most that m can bear, if not given, or if it is more: fewer
            may have answered in a round.

    Raises:
        RecipeError: f is below 0.

    """
    if byzantine is not None and byzantine < 0:
        raise RecipeError(f"Parameter `byzantine` should be at least 0. Found `byzantine = {byzantine}`.")

    def rule(rows: Rows) -> Mixing:
        m = len(rows.members)
        most = max(0, (m - 3) // 2)
        f = most if byzantine is None else min(byzantine, most)
        weights = _shares_of_places(_scores(told_apart(rows.gram), max(0, m - f - 2)), m - f) / (m - f)
        return Mixing("weights", weights[None, None], torch.ones(1, m, 1, dtype=torch.float64))

    return stateless(rule)


def _scores(distances: Float[Tensor, "m m"], neighbours: int) -> Float[Tensor, " m"]:
    """Return the sum of each one's distances to its nearest neighbours; the nearest of all is itself, at 0."""
    return distances.fill_diagonal_(0.0).sort(dim=1).values[:, : neighbours + 1].sum(1)


def _shares_of_places(scores: Float[Tensor, " m"], places: int) -> Float[Tensor, " m"]:
    """Give the places to the least scores, one each; those on a par with the last who has one share what is left."""
    last = scores.sort().values[places - 1]
    tied = ((scores - last).abs() <= TIE * last).double()
    before = (scores < last).double() * (1 - tied)
    return before + tied * ((places - before.sum()) / tied.sum())
