"""The geometric median: the point with the least sum of distances to all, which no minority can carry off."""

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.distances import told_apart
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows

TOLERANCE = 1e-8
"""How far, as a share of it, the sum of distances may be above the least."""
SMOOTHING = 1e-6
"""Below this share of a usual distance between two rows, distances are taken for it."""
STEPS = 10_000
ROUNDING = 1e-9


def geometric_median() -> Aggregator:
    """Answer everyone the geometric median (RFA; Pillutla et al., IEEE Transactions on Signal Processing 2022).

        answer = Σ_j a_j w_j,     Σ_j a_j Δ_j = argmin_z F(z) = Σ_j ‖z − Δ_j‖_ν
        a_j ∝ 1 / max(ν, ‖Δ_j − Σ_i a_i Δ_i‖)     again and again (Weiszfeld)

    ‖·‖_ν is the length, smoothed below ν. All of it is in the inner products of the updates, so that rows are read
    once and mixed once. Where updates themselves are the least (Vardi and Zhang, PNAS 2000), the mean of those is the
    answer; else steps begin at the one with the least F, and end when a bound says that F is within 1e-8 of its
    least: ‖∇F‖ · 2F/m, the second factor being the furthest the least can be away; or after 10 000 of them. If
    f < m/2 participants lie, it is within 2 Σ_honest ‖Δ_j − c‖ / (m − 2f) of any point c.

    Here ν is 1e-6 of a distance between neighbours (see `_usual`), not a fixed number, so that the unit of the
    parameters plays no part.
    """

    def rule(rows: Rows) -> Mixing:
        weights = median_point(told_apart(rows.gram))
        return Mixing("weights", weights[None, None], torch.ones(1, len(weights), 1, dtype=torch.float64))

    return stateless(rule)


def median_point(distances: Float[Tensor, "m m"]) -> Float[Tensor, " m"]:
    """Return the weights of points in their geometric median, from their squared distances.

    >>> median_point(torch.tensor([[0.0, 1, 16], [1, 0, 9], [16, 9, 0]], dtype=torch.float64))
    tensor([0., 1., 0.], dtype=torch.float64)
    """
    least = _points_that_are_least(distances)
    return _weiszfeld(distances / _usual(distances)) if least is None else least


def _points_that_are_least(distances: Float[Tensor, "m m"]) -> Float[Tensor, " m"] | None:
    """Return the mean of the points at which no direction leads down, if there are any.

    At a point where t of them lie, the others pull with the sum of their unit vectors; a pull of t moves nothing.
    """
    same = (distances == 0).double()
    pulls = torch.where(distances > 0, distances.rsqrt(), 0.0)
    lengths = _length(torch.diag(pulls.sum(1)) - pulls, distances)
    here = same[lengths <= same.sum(1) * (1 + ROUNDING)]
    return (here / here.sum(1, keepdim=True)).mean(0) if len(here) else None


def _weiszfeld(distances: Float[Tensor, "m m"]) -> Float[Tensor, " m"]:
    m, total = len(distances), distances.sqrt().sum(1)
    weights = (total <= total.min() * (1 + ROUNDING)).double()
    weights /= weights.sum()
    for _ in range(STEPS):
        to_all = distances @ weights
        near = (to_all - weights @ to_all / 2).clamp_min(SMOOTHING**2).rsqrt()
        following = near / near.sum()
        slope = _length(near.sum() * (weights - following), distances)
        weights = following
        if 2 * slope <= TOLERANCE * m:
            break
    return weights


def _length(coefficients: Float[Tensor, "*k m"], distances: Float[Tensor, "m m"]) -> Float[Tensor, "*k"]:
    """Return ‖Σ_j c_j x_j‖ = √(−½ cᵀDc), which holds where Σ_j c_j = 0."""
    return (-((coefficients @ distances) * coefficients).sum(-1) / 2).clamp_min(0.0).sqrt()


def _usual(distances: Float[Tensor, "m m"]) -> float:
    """Return how far, squared, the point has to look that finds more than half of all, itself included, the soonest.

    No minority can make it larger than honest points lie apart; it is 0 only if more than half are one point.
    """
    return float(distances.sort(dim=1).values[:, len(distances) // 2].min())
