"""Conflict-averse aggregation: (6) and its dual (8) are solved to the optimum, whatever the scale."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from fedhca.aggregation import conflict_averse
from fedhca.aggregation.conflict_averse import Solver
from fedhca.aggregation.simplex import exact_solution
from fedhca.errors import RecipeError

TOLERANCE = 1e-8
LOOSER = {"nearly opposed": 1e-5}
"""Where updates of size 1 cancel to 1e-5, their Gram matrix knows ten digits less of what is left."""
FEW = settings(max_examples=40)
RADII = st.sampled_from([0.0, 1e-3, 0.1, 0.4, 0.8, 0.99])


def dual(weights: np.ndarray, updates: np.ndarray, c: float) -> float:
    """F(w) of (8), from the updates themselves: their Gram matrix would lose half the digits of a short U_w."""
    mean, mixed = updates.mean(0), weights @ updates
    return float(mixed @ mean + c * np.linalg.norm(mean) * np.linalg.norm(mixed))


def unit(updates: Tensor) -> float:
    """‖Δ̄‖ · the root mean square of ‖Δ_i‖: the unit of F."""
    return float(updates.mean(0).norm() * updates.square().sum(1).mean().sqrt())


def least(updates: Tensor, direction: Tensor) -> float:
    return float((updates @ direction).min())


def weights_of(updates: Tensor, c: float) -> np.ndarray:
    return exact_solution((updates @ updates.T).numpy(), c)[0]


def require_optimal(updates: Tensor, c: float, tolerance: float = TOLERANCE) -> None:
    """By weak duality no direction within the radius beats F of any weights, so a closed gap proves both optimal."""
    moved = updates[(updates != 0).any(1)]  # who rests gains 0 whatever the direction
    mean, direction, weights = updates.mean(0), conflict_averse(updates, c, rescale=False), weights_of(updates, c)
    assert float((direction - mean).norm()) <= c * float(mean.norm()) * (1 + 1e-9) + 1e-11 * float(updates.norm())
    if len(moved):
        gap = dual(weights, updates.numpy(), c) - least(moved, direction)
        assert abs(gap) <= tolerance * unit(updates) + 1e-15 * float(updates.square().sum())
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("animal", zoo.ZOO)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 30, 100])
def test_the_duality_gap_closes(animal: str, n: int) -> None:
    for c in (0.0, 0.4, 0.99):
        require_optimal(zoo.updates(animal, n, 12), c, LOOSER.get(animal, TOLERANCE))
        require_optimal(zoo.updates(animal, n, 50, seed=1), c, LOOSER.get(animal, TOLERANCE))


@FEW
@given(drawn=zoo.any_updates, c=RADII)
def test_the_duality_gap_closes_anywhere(drawn: dict[str, Any], c: float) -> None:
    require_optimal(zoo.updates(**drawn), c, LOOSER.get(drawn["animal"], TOLERANCE))


CORNERS = {
    "opposed and unequal, one beside": [[1.0, 0, 0], [-1.2, 0, 0], [0, 1, 0]],
    "opposed and unequal, two beside": [[1.0, 0, 0], [-1.2, 0, 0], [0, 1, 0], [0, 0, 1]],
    "a triangle around nothing, one beside": [[1.0, 0, 0], [-1, 1, 0], [-1, -1.5, 0], [0, 0, 4]],
    "a flat pair and its opposite": [[1.0, 1, 0], [1, -1, 0], [-2, 0.1, 0], [0, 0, 1]],
}


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_where_the_dual_has_no_direction_nobody_loses(corner: str, scale: float) -> None:
    """U_w* = 0 leaves (9) undefined, while (6) has an answer better than Δ̄."""
    updates = scale * torch.tensor(CORNERS[corner], dtype=torch.float64)
    assert np.linalg.norm(weights_of(updates, 0.4) @ updates.numpy()) <= 1e-6 * scale
    assert least(updates, updates.mean(0)) < -0.01 * scale**2
    require_optimal(updates, 0.4)
    assert least(updates, conflict_averse(updates, 0.4)) >= -TOLERANCE * scale**2


@pytest.mark.parametrize("corner", CORNERS)
def test_there_it_is_what_lies_nearest_to_the_mean_and_harms_nobody(corner: str) -> None:
    updates = np.array(CORNERS[corner], dtype=float)
    harmless = {"type": "ineq", "fun": lambda u: updates @ u}
    nearest = minimize(lambda u: ((u - updates.mean(0)) ** 2).sum(), updates.mean(0), constraints=harmless).x
    found = conflict_averse(torch.from_numpy(updates), 0.4, rescale=False)
    assert found.numpy() == pytest.approx(nearest, abs=1e-5)


@pytest.mark.parametrize("n", [2, 3, 6, 15, 30])
@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_no_slow_solver_finds_better_weights(n: int, c: float) -> None:
    chance = np.random.default_rng(n)
    for width in (3, 40):
        shift = chance.normal(size=width) * chance.choice([0.0, 1.0])
        updates = chance.normal(size=(n, width)) * chance.uniform(0.1, 3, size=(n, 1)) + shift
        ours = exact_solution(updates @ updates.T, c)[0]
        assert (ours >= 0).all()
        assert ours.sum() == pytest.approx(1, abs=1e-12)
        best = min(dual(w, updates, c) for w in rivals(updates, c, chance))
        assert dual(ours, updates, c) <= best + TOLERANCE * unit(torch.from_numpy(updates))


def rivals(updates: np.ndarray, c: float, chance: np.random.Generator) -> list[np.ndarray]:
    """Corners, the middle, random points, and SLSQP from some of them on updates of unit size."""
    n = len(updates)
    points = [*np.eye(n), np.full(n, 1 / n), *chance.dirichlet(np.ones(n), 50), *chance.dirichlet(np.full(n, 0.1), 50)]
    scaled = updates / np.sqrt((updates**2).sum(1).mean())
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1}
    starts = [np.full(n, 1 / n), *chance.dirichlet(np.ones(n), 2)]
    for start in starts:
        found = minimize(
            dual, start, (scaled, c), bounds=[(0, 1)] * n, constraints=simplex, options={"ftol": 1e-14, "maxiter": 500}
        ).x.clip(0)
        points.append(found / found.sum())
    return points


@FEW
@given(drawn=zoo.any_updates, c=RADII)
def test_the_least_gains_no_less_than_from_the_mean(drawn: dict[str, Any], c: float) -> None:
    updates = zoo.updates(**drawn)
    ours = least(updates, conflict_averse(updates, c, rescale=False))
    rounding = 1e-15 * float(updates.square().sum())
    assert ours >= least(updates, updates.mean(0)) - TOLERANCE * unit(updates) - rounding


@pytest.mark.parametrize("animal", zoo.ZOO)
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("c", [0.0, 0.4, 0.9])
def test_the_radius_around_the_mean(animal: str, rescale: bool, c: float) -> None:
    updates = zoo.updates(animal, 5, 30)
    mean = updates.mean(0)
    shrunk = 1 + c * c if rescale else 1
    distance = float((conflict_averse(updates, c, rescale=rescale) * shrunk - mean).norm())
    assert distance <= c * float(mean.norm()) + 1e-12 * float(updates.norm())
    if animal == "random" and c:
        assert distance == pytest.approx(c * float(mean.norm()))


@pytest.mark.parametrize("solver", ["exact", "official"])
def test_equal_updates_are_stretched_along_themselves(solver: Solver) -> None:
    updates = zoo.updates("equal", 4, 10)
    found = conflict_averse(updates, 0.4, solver=solver)
    torch.testing.assert_close(found, updates[0] * 1.4 / 1.16, rtol=1e-6, atol=0)


@FEW
@given(drawn=zoo.any_updates, exponent=zoo.exponents, c=RADII)
def test_scale_equivariance_to_the_last_bit(drawn: dict[str, Any], exponent: int, c: float) -> None:
    updates = zoo.updates(**drawn)
    assert torch.equal(conflict_averse(updates * 2.0**exponent, c), conflict_averse(updates, c) * 2.0**exponent)


@pytest.mark.parametrize("scale", [1e-10, 1e-7, 1e-3, 1e3, 1e10])
@pytest.mark.parametrize("animal", zoo.ZOO)
def test_scale_equivariance_in_powers_of_ten(animal: str, scale: float) -> None:
    for updates in (zoo.updates(animal, 6, 40), zoo.updates(animal, 3, 40).float()):
        found, expected = conflict_averse(updates * scale), conflict_averse(updates) * scale
        assert float((found - expected).norm()) <= 1e-5 * scale * float(updates.norm())


@FEW
@given(drawn=zoo.any_updates, data=st.data())
def test_order_does_not_matter(drawn: dict[str, Any], data: st.DataObject) -> None:
    updates = zoo.updates(**drawn)
    order = data.draw(st.permutations(range(len(updates))))
    difference = conflict_averse(updates[order]) - conflict_averse(updates)
    assert float(difference.norm()) <= 1e-5 * float(updates.norm())


@pytest.mark.parametrize("seed", range(20))
def test_order_does_not_matter_where_6_has_many_answers(seed: int) -> None:
    updates = zoo.updates("opposed and unequal, beside others", 6, 4, seed)
    for order in ([0, 1, 2, 3, 5, 4], [5, 4, 3, 2, 1, 0], [1, 3, 0, 2, 4, 5]):
        difference = conflict_averse(updates[order]) - conflict_averse(updates)
        assert float(difference.norm()) <= 1e-5 * float(updates.norm())


@pytest.mark.parametrize("solver", ["exact", "official"])
@pytest.mark.parametrize("animal", zoo.ZOO)
@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_both_solvers_are_finite_and_zero_gives_zero(solver: Solver, animal: str, scale: float) -> None:
    for n in (1, 2, 6):
        updates = scale * zoo.updates(animal, n, 20)
        for dtype in (torch.float32, torch.float64):
            found = conflict_averse(updates.to(dtype), solver=solver)
            assert found.dtype == dtype
            assert found.isfinite().all()
            if not updates.any():
                assert not found.any()


def test_official_answers_uniform_weights_for_small_updates_and_exact_does_not() -> None:
    updates = 1e-4 * zoo.updates("of very different sizes", 4, 30)
    mean = updates.mean(0)
    uniform = mean * 1.4 / 1.16
    assert torch.nn.functional.cosine_similarity(conflict_averse(updates, solver="official"), mean, 0) > 1 - 1e-9
    assert float((conflict_averse(updates) - uniform).norm() / uniform.norm()) > 1e-3


@pytest.mark.parametrize("c", [-0.1, 1.0, 1.2, math.nan])
def test_a_radius_outside_its_range_is_refused(c: float) -> None:
    with pytest.raises(RecipeError, match=r"`c` should be in \[0, 1\)\. Found `c = "):
        conflict_averse(torch.eye(2), c)
