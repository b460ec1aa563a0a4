"""The dual of conflict-averse aggregation, eq. (8): a second-order cone problem over the simplex.

    w* = argmin_{w ≥ 0, Σw = 1}  F(w) = wᵀGb + c·√(bᵀGb)·√(wᵀGw),     b = 1/n

with G the Gram matrix of the updates. Both solvers see G only.
"""

import clarabel
import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import minimize, nnls

Vector = Float[np.ndarray, " n"]
Square = Float[np.ndarray, "n n"]

NOTHING = 1e-26
"""A squared length below this share of the mean one is nothing: float32 updates cannot be told from 0 there."""

LOST = 1e-14
"""Below this share of the mean squared length that of U_w, taken from G, is mostly rounding."""


def dual_objective(weights: Vector, gram: Square, c: float) -> float:
    """Return F(w)."""
    mean = np.full(len(gram), 1 / len(gram))
    radius = c * np.sqrt(max(mean @ gram @ mean, 0.0))
    return float(weights @ gram @ mean + radius * np.sqrt(max(weights @ gram @ weights, 0.0)))


def exact_weights(gram: Square, c: float) -> Vector:
    """Solve (8) to 1e-8 of its optimum, whatever the scale of the updates.

    G is divided by its mean diagonal, so that w*(s²G) = w*(G). Rows that did not move cannot constrain (6) (their
    inner product with any direction is 0) and are left out, which keeps U_w* away from 0 where that is possible.

    Args:
        gram: ⟨Δ_i, Δ_j⟩, symmetric, float64.
        c: radius of the trust region, in [0, 1).

    Returns:
        w*; uniform where no participant moved.

    """
    n = len(gram)
    lengths = np.diag(gram)
    moved = np.flatnonzero(lengths > NOTHING * lengths.mean())
    weights = np.zeros(n)
    if len(moved) == 0:
        return np.full(n, 1 / n)
    scaled = gram / lengths.mean()
    linear = scaled[moved].mean(axis=1)
    radius = c * np.sqrt(max(scaled.mean(), 0.0))
    weights[moved] = _cone_program(scaled[np.ix_(moved, moved)], linear, radius)
    return weights


def _cone_program(gram: Square, linear: Vector, radius: float) -> Vector:
    """Minimise linearᵀw + radius·t subject to ‖Lw‖ ≤ t, w on the simplex, where G = LᵀL."""
    m = len(gram)
    if m == 1:
        return np.ones(1)
    root = _root(gram)
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
    solver = clarabel.DefaultSolver(nothing, cost, sparse.csc_matrix(constraints), bound, cones, _settings())
    weights = np.clip(np.asarray(solver.solve().x)[:m], 0, None)
    return weights / weights.sum()


def harmless_weights(gram: Square) -> Vector:
    """Return v ≥ 0 with Δ̄ + Σ v_i Δ_i the vector nearest to Δ̄ whose inner product with no update is negative.

    It is the projection of Δ̄ onto the cone {u: ⟨Δ_i, u⟩ ≥ 0}, by Moreau a non-negative least squares problem.
    """
    scale = np.diag(gram).mean()
    root = _root(gram / scale if scale > 0 else gram)
    return np.asarray(nnls(root, -root.mean(axis=1))[0])


def _root(gram: Square) -> Square:
    """Return L with G = LᵀL."""
    values, vectors = np.linalg.eigh(gram)
    return np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T


def _settings() -> "clarabel.DefaultSettings":
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
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
