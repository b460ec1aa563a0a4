"""The dual (8) for hundreds of participants: a primal-dual interior point method on dense matrices.

A conic solver with sparse factorisations takes 15 s for 1000 participants; here every step is one dense Cholesky
factorisation, and about ten are needed.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Vector = Float[np.ndarray, " n"]
Square = Float[np.ndarray, "n n"]

TOLERANCE = 1e-10
"""Of the optimum: how far above it the answer may be, by the gap to a certificate."""

STEPS = 50
"""More than are ever needed where U_w* is not 0."""

BOUNDARY = 0.995
"""Share of the way to the boundary that a step may go."""


def interior_point(gram: Square, linear: Vector, radius: float) -> tuple[Vector, Vector] | None:
    """Minimise F(w) = linearᵀw + radius·√(wᵀGw) over the simplex.

    With z the multipliers of w ≥ 0 and λ that of Σw = 1, Newton steps on

        ∇F(w) = λ1 + z,    Σw = 1,    w∘z = μ1,    μ → 0

    with Mehrotra's predictor and corrector. Every point has a certificate: u = (radius / √(wᵀGw)) w is allowed in
    (6), so that no w is better than min_i (linear + Gu)_i.

    Args:
        gram: G, positive semidefinite.
        linear: see above.
        radius: above 0.

    Returns:
        w, and u above: the second term of (9). None where the gap does not close, as where Gw* = 0.

    """
    try:
        return _steps(gram, linear, radius)
    except LinAlgError:  # curvature without end, on the way to Gw* = 0
        return None


def _steps(gram: Square, linear: Vector, radius: float) -> tuple[Vector, Vector] | None:
    n = len(gram)
    w, ones = np.full(n, 1 / n), np.ones(n)
    slope = _slope(gram, linear, radius, w)[0]
    level = slope.min() - 0.1 * np.abs(slope).mean()
    z = slope - level
    for _ in range(STEPS):
        slope, image, length = _slope(gram, linear, radius, w)
        if not (np.isfinite(slope).all() and length > 0):
            return None
        value = w @ slope
        if value - slope.min() <= TOLERANCE * abs(value):
            return w / w.sum(), radius / length * w
        curvature = radius / length * (gram - np.outer(image, image) / length**2)
        curvature[np.diag_indices(n)] += z / w
        factor = cho_factor(curvature, lower=True, overwrite_a=True, check_finite=False)
        unit = cho_solve(factor, ones)
        target = np.zeros(n)
        for corrects in (False, True):
            free = cho_solve(factor, level - slope + target / w)
            rise = (1 - w.sum() - free.sum()) / unit.sum()
            dw = free + rise * unit
            dz = (target - z * dw) / w - z
            step = min(1.0, BOUNDARY * _room(w, dw), BOUNDARY * _room(z, dz))
            if not corrects:
                centring = ((w + step * dw) @ (z + step * dz) / (w @ z)) ** 3
                target = centring * (w @ z) / n - dw * dz
        w, z, level = w + step * dw, z + step * dz, level + step * rise
    return None


def _slope(gram: Square, linear: Vector, radius: float, w: Vector) -> tuple[Vector, Vector, float]:
    """Return ∇F, Gw and √(wᵀGw)."""
    image = gram @ w
    length = float(np.sqrt(max(w @ image, 0.0)))
    return linear + radius * image / length if length > 0 else linear, image, length


def _room(values: Vector, steps: Vector) -> float:
    """Return how many steps lead to the first zero."""
    falling = steps < 0
    return float((-values[falling] / steps[falling]).min(initial=np.inf))
