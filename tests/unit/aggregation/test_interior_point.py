import numpy as np
import pytest
from scipy.linalg import cho_factor

from fedhca.aggregation import interior_point as module
from fedhca.aggregation.interior_point import interior_point


@pytest.mark.parametrize(("n", "width", "radius"), [(65, 50, 0.4), (100, 50, 0.1), (200, 50, 0.4), (100, 3, 0.9)])
def test_about_ten_steps_close_the_gap(n: int, width: int, radius: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong curvature the steps still lead down, but three times as many, or never to the end."""
    chance = np.random.default_rng(n)
    updates = chance.normal(size=(n, width)) / np.sqrt(width)
    mean = updates.mean(axis=0)
    gram, linear = updates @ updates.T, updates @ mean / np.linalg.norm(mean)
    factored: list[int] = []

    def counted(matrix: np.ndarray, **options: bool) -> object:
        factored.append(len(matrix))
        return cho_factor(matrix, **options)

    monkeypatch.setattr(module, "cho_factor", counted)
    found = interior_point(gram, linear, radius)
    assert found is not None
    weights, push = found
    assert 5 <= len(factored) <= 16
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() >= 0
    value = linear @ weights + radius * np.sqrt(weights @ gram @ weights)
    assert value - (linear + gram @ push).min() <= 1e-9 * abs(value)  # no w is better than the right side
    assert np.sqrt(push @ gram @ push) == pytest.approx(radius)
