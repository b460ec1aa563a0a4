import numpy as np
import pytest

from fedhca.aggregation.cosines import cosines, mean_cosine, negative_share


def test_cosines_are_those_of_the_vectors() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 7))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = (unit @ unit.T)[np.triu_indices(4, 1)]
    gram = rows @ rows.T
    assert cosines(gram) == pytest.approx(expected)
    assert mean_cosine(gram) == pytest.approx(expected.mean())
    assert negative_share(gram) == pytest.approx((expected < 0).mean())


def test_who_did_not_move_has_no_direction() -> None:
    gram = np.array([[4.0, 0.0, -2.0], [0.0, 0.0, 0.0], [-2.0, 0.0, 1.0]])
    assert np.isnan(cosines(gram)).tolist() == [True, False, True]
    assert (mean_cosine(gram), negative_share(gram)) == (-1.0, 1.0)
    assert np.isnan(mean_cosine(np.zeros((3, 3))))
    assert np.isnan(negative_share(np.full((2, 2), np.nan)))
    assert np.isnan(mean_cosine(np.ones((1, 1))))
