"""The dual of conflict-averse aggregation, eq. (8): a second-order cone problem over the simplex.

    w* = argmin_{w ≥ 0, Σw = 1}  F(w) = wᵀGb + c·√(bᵀGb)·√(wᵀGw),     b = 1/n

with G the Gram matrix of the updates. All solvers see G only.
"""

import clarabel
import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import minimize, nnls

from fedhca.errors import FedhcaError

Vector = Float[np.ndarray, " n"]
Square = Float[np.ndarray, "n n"]

NOTHING = 1e-26
"""A squared length below this share of the mean one is nothing: float32 updates cannot be told from 0 there."""

FLAT = 1e-12
"""Directions in which the updates spread less than this, squared and against the widest, are rounding of G."""

EPSILON = 1e-8
"""The mean of updates is 0 below this share of their size: the square of it is the rounding of G."""

FEW = 64
"""Participants up to which factors without blocks are fast enough; with blocks, 500 take a second and not three."""

LOST = 1e-14
"""Below this share of the mean squared length of updates, that of U_w is rounding: then U_w* counts as 0."""


def exact_solution(gram: Square, c: float) -> tuple[Vector, Vector]:
    """Solve (8) to 1e-8 of its optimum, whatever the scale of the updates.

    G is divided by its mean diagonal, so that w*(s²G) = w*(G). Rows that did not move cannot constrain (6) (their
    inner product with any direction is 0) and are left out, which keeps U_w* away from 0 where that is possible.

    Args:
        gram: ⟨Δ_i, Δ_j⟩, symmetric, float64.
        c: radius of the trust region, in [0, 1).

    Returns:
        w*, uniform where no participant moved; and v with Ũ − Δ̄ = Σ v_i Δ_i in the optimum of (6). Where U_w* = 0,
        and (9) is 0/0, the best the least can gain is nothing: there Ũ is what lies nearest to Δ̄ and harms nobody.

    """
    n, size = len(gram), np.diag(gram).mean()
    moved = np.flatnonzero(np.diag(gram) > NOTHING * size)
    weights, push = np.full(n, 1 / n), np.zeros(n)
    if len(moved) == 0:
        return weights, push
    scaled, root = gram[np.ix_(moved, moved)] / size, _root(gram[np.ix_(moved, moved)] / size)
    mean = np.sqrt(max(gram.mean() / size, 0.0))
    weights, linear = np.zeros(n), gram[moved].mean(axis=1) / size / max(mean, EPSILON)
    weights[moved], push[moved] = _cone_program(root, linear, c)
    push *= mean
    if weights[moved] @ scaled @ weights[moved] <= LOST:
        push[moved] = nnls(root, -root.sum(axis=1) / n)[0]  # Δ̄ projected onto the cone {u: all ⟨Δ_i, u⟩ ≥ 0}
    length = np.sqrt(max(push[moved] @ scaled @ push[moved], 0.0))
    if length > c * mean:
        push *= c * mean / length  # the last digits may overstep the radius
    return weights, push


def _root(gram: Square) -> Square:
    """Return L with G = LᵀL, its rows orthogonal."""
    values, vectors = np.linalg.eigh(gram)
    return np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T


def _cone_program(root: Square, linear: Vector, radius: float) -> tuple[Vector, Vector]:
    """Minimise linearᵀw + radius·t subject to ‖Lw‖ ≤ t, w on the simplex, where L is the root.

    Returns:
        w, and v with Lv the cone's multiplier: that is (radius / ‖Lw‖) Lw, the second term of (9), but as exact as
        the optimum, while w is only as exact as its square root.

    """
    m = len(root)
    constraints = np.zeros((2 * m + 2, m + 1))
    constraints[0, :m] = 1  # Σw = 1
    constraints[1 : m + 1, :m] = -np.eye(m)  # w ≥ 0
    constraints[m + 1, m] = -1  # (t, Lw) in the cone
    constraints[m + 2 :, :m] = -root
    bound = np.zeros(2 * m + 2)
    bound[0] = 1
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(m), clarabel.SecondOrderConeT(m + 1)]
    cost = np.append(linear, radius)
    nothing = sparse.csc_matrix((m + 1, m + 1))
    solution = clarabel.DefaultSolver(nothing, cost, sparse.csc_matrix(constraints), bound, cones, _settings(m)).solve()
    if not np.isfinite([*solution.x, *solution.z]).all():
        mend = "Look for a client whose updates are out of all proportion, or set `solver: official`."
        expected = f"The conflict-averse dual of {m} updates should have a solution"
        raise FedhcaError(f"{expected}. Found {solution.status}. {mend}")
    weights = np.clip(np.asarray(solution.x)[:m], 0, None)
    multiplier = -np.asarray(solution.z)[m + 2 :]
    spread = np.square(root).sum(axis=1)
    spans = spread > FLAT * spread.max()
    return weights / weights.sum(), (multiplier[spans] / spread[spans]) @ root[spans]


def _settings(participants: int) -> "clarabel.DefaultSettings":
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    settings.direct_solve_method = "faer" if participants > FEW else "qdldl"
    settings.max_threads = 1  # the order of sums, and so the bits, must not depend on the machine's cores
    return settings


def official_weights(gram: Square, c: float) -> Vector:
    """Solve (8) as the released code does: SciPy's SLSQP from the uniform start on the raw Gram matrix.

    With s = √(mean(G) + 1e-8) for ‖Δ̄‖ and C = c·s + 1e-8 it minimises wᵀGb + C·√(wᵀGw + 1e-8). Its default tolerance
    is absolute, so it answers "uniform" whenever the updates are small.
    """
    n = len(gram)
    uniform = np.full(n, 1 / n)
    radius = official_radius(gram, c)

    def objective(weights: Vector) -> float:
        return float(weights @ gram @ uniform + radius * np.sqrt(weights @ gram @ weights + 1e-8))

    simplex = {"type": "eq", "fun": lambda weights: 1 - weights.sum()}
    return np.asarray(minimize(objective, uniform, bounds=[(0, 1)] * n, constraints=simplex).x)


def official_radius(gram: Square, c: float) -> float:
    """Return the released code's c‖Δ̄‖."""
    return float(c * np.sqrt(gram.mean() + 1e-8) + 1e-8)
