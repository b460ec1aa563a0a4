"""Hyper Conflict-Averse Aggregation of encoders, eqs. (6)–(9), (14) and (17) of FedHCA² (CVPR 2024)."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import DIRECTION, Aggregator, Decision, State
from fedhca.aggregation.checked import finite
from fedhca.aggregation.groups import Grouping, GroupMeans, group_means
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.own_part import NOTES, OWN, own_direction, product_notes
from fedhca.aggregation.rows import Rows
from fedhca.aggregation.simplex import exact_solution, official_radius, official_weights
from fedhca.errors import RecipeError, unknown

Solver = Literal["exact", "official"]


def conflict_averse(
    updates: Float[Tensor, "n d"], c: float = 0.4, *, solver: Solver = "exact", rescale: bool = True
) -> Float[Tensor, " d"]:
    """Aggregate updates so that the one who gains least gains as much as possible.

        max_Ũ min_i ⟨Δ_i, Ũ⟩   subject to   ‖Ũ − Δ̄‖ ≤ c‖Δ̄‖                                       (6)
        Ũ = Δ̄ + (c‖Δ̄‖ / ‖U_w*‖) U_w*,   U_w = Σ w_i Δ_i,   w* the solution of the dual (8)           (9)

    Args:
        updates: Δ_i, how far each of n participants moved.
        c: radius of the trust region around the mean Δ̄, in [0, 1); 0 gives the mean.
        solver: `exact` is scale-free: Ũ(sΔ) = sŨ(Δ). `official` is the released code's.
        rescale: divide by 1 + c², which the released code does and the paper does not say.

    Returns:
        Ũ; zero where all updates are zero. The optimum of (6), too, where U_w* = 0 leaves (9) undefined.

    Raises:
        RecipeError: c is outside [0, 1), the solver does not exist, or the updates are no finite matrix.

    >>> conflict_averse(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), c=0.5, rescale=False)
    tensor([0.7500, 0.7500])

    """
    wide = finite(updates, "updates").double()
    products = (wide @ wide.T).cpu().numpy()
    coefficients = direction_coefficients(products, c, solver=solver, rescale=rescale)
    return (torch.from_numpy(coefficients).to(wide.device) @ wide).to(updates.dtype)


def direction_coefficients(
    products: Float[np.ndarray, "n n"], c: float, *, solver: Solver = "exact", rescale: bool = True
) -> Float[np.ndarray, " n"]:
    """Return m with Ũ = Σ m_i Δ_i, from the Gram matrix of the updates; arguments as in `conflict_averse`."""
    if not 0 <= c < 1:
        raise RecipeError(f"Parameter `c` should be in [0, 1). Found `c = {c}`.")
    if solver not in _DIRECTIONS:
        raise RecipeError(unknown("solver", solver, _DIRECTIONS))
    mix = 1 / len(products) + _DIRECTIONS[solver](products, c)
    return mix / (1 + c * c) if rescale else mix


def _exact_direction(products: Float[np.ndarray, "n n"], c: float) -> Float[np.ndarray, " n"]:
    return exact_solution(products, c)[1] if c > 0 else np.zeros(len(products))


def _official_direction(products: Float[np.ndarray, "n n"], c: float) -> Float[np.ndarray, " n"]:
    weights = official_weights(products, c)
    length = np.sqrt(max(weights @ products @ weights, 0.0))
    return official_radius(products, c) / (length + 1e-8) * weights


_DIRECTIONS: dict[str, Callable[[Float[np.ndarray, "n n"], float], Float[np.ndarray, " n"]]] = {
    "exact": _exact_direction,
    "official": _official_direction,
}


def hyper_conflict_averse(
    *,
    c: float = 0.4,
    alpha: float = 0.1,
    solver: Solver = "exact",
    rescale: bool = True,
    groups: Grouping = "equal",
    hyper: HyperOptions = HyperOptions(),
) -> Aggregator:
    """Give every client its own progress and α_i of the conflict-averse direction.

        θ_i ← θ_i(received) + Δθ_i + α_i Ũ                                                              (14)
        α_i ← α_i + η⟨Ũ of last round, Δθ_i of this round⟩                                             (17)

    computed as *sent* + α_i Ũ, so that α = 0 answers what was sent, bit for bit. Before (14), Δθ_i becomes the mean
    of its homogeneous group; Ũ and (17) use the updates as they are.

    Args:
        c: see `conflict_averse`.
        alpha: all α_i at the start.
        solver: see `conflict_averse`.
        rescale: see `conflict_averse`.
        groups: see `group_means`.
        hyper: how α learns.

    Raises:
        RecipeError: an option is outside its range.

    """
    direction_coefficients(np.eye(1), c, solver=solver)  # refuse a wrong option before any training
    HyperWeights.start(alpha, (1,))

    def init(rows: Rows) -> State:
        group_means(rows.members, groups)
        weights = HyperWeights.start(alpha, (len(rows.members),))
        return {"alpha": weights.value, "momentum": weights.momentum}

    def decide(state: State, rows: Rows) -> Decision:
        weights = HyperWeights(state["alpha"], state["momentum"])
        products, notes, whole = rows.products(state.get(DIRECTION)), {}, [0] * len(rows.layout.segments)
        if DIRECTION in state:
            along, sizes = products.along[0, :, 0], products.sizes[0, :, 0]
            weights = weights.step(along, sizes, hyper, rows.fresh)
            notes = product_notes(state, rows, along, sizes, whole, hyper)
        found = torch.from_numpy(direction_coefficients(products.gram[0].numpy(), c, solver=solver, rescale=rescale))
        own = own_direction(rows, found[:, None], whole)
        learnt = {"alpha": weights.value, "momentum": weights.momentum, OWN: own}
        mixing = _mixing(found, weights.used, group_means(rows.members, groups))
        return Decision(mixing, learnt, {"alpha": weights.value, **notes}, keeps=1)

    return Aggregator(init, decide, {"alpha": 1, "momentum": 1, OWN: 1, **NOTES})


def _mixing(direction: Float[Tensor, " n"], alpha: Float[Tensor, " n"], groups: GroupMeans) -> Mixing:
    """Mix the direction, and beside it the mean of every group of two and more, which replaces their own progress."""
    heard = torch.cat([direction[None], groups.means])
    shares = torch.cat([alpha[:, None], groups.belongs], dim=1)
    return Mixing("updates", heard[None], shares[None], -groups.belongs.sum(1)[None])
