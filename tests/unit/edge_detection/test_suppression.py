import numpy as np
import pytest

from fedhca.edge_detection import suppress


def soft_line(angle: float, shape: tuple[int, int] = (60, 70)) -> np.ndarray:
    """Return a straight line through the middle with a soft profile."""
    y, x = np.mgrid[: shape[0], : shape[1]] - np.array(shape).reshape(2, 1, 1) / 2
    away = x * np.cos(angle) + y * np.sin(angle)
    return (200 * np.exp(-(away**2) / 8)).astype(np.uint8)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2, 1.6, 2.0, 3.0])
def test_of_a_soft_line_the_crest_is_left(angle: float) -> None:
    soft = soft_line(angle)
    ridges = suppress(soft)
    inner = np.s_[10:-10, 10:-10]
    assert (soft[inner][ridges[inner] > 20] > 150).all()
    assert 0.8 < np.count_nonzero(ridges[inner] > 20) / 45 < 2.2


def test_an_exactly_level_line_stays_broad_as_in_the_reference_program() -> None:
    # Its mixed derivative is 0 and has no sign, so that the direction across it is lost; thinning comes after.
    assert (np.count_nonzero(suppress(soft_line(np.pi / 2))[10:-10, 10:-10] > 20, axis=0) > 2).all()


def test_the_margin_fades() -> None:
    ridges = suppress(np.full((30, 40), 255, np.uint8))
    assert ridges[15, :6].tolist() == [0, 51, 102, 153, 204, 255]
    assert ridges[-6:, 20].tolist() == [255, 204, 153, 102, 51, 0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 20), (9, 9), (10, 9), (10, 10), (11, 40)])
def test_small_pictures_are_no_trouble(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert suppress(draw).shape == shape


def test_small_and_large_pictures_are_smoothed_alike() -> None:
    # Ten pixels are just enough for the running sums, of which nine have none: the same stripes, one shorter.
    stripes = np.tile(np.array([0, 0, 250, 0, 0, 90, 0, 0, 0, 0] * 3, np.uint8), (10, 1))
    np.testing.assert_array_equal(suppress(stripes)[4, 5:-5] > 0, suppress(stripes[:9])[4, 5:-5] > 0)


def test_the_layout_in_memory_does_not_matter() -> None:
    soft = soft_line(0.7)
    np.testing.assert_array_equal(suppress(np.asfortranarray(soft)), suppress(soft))
    np.testing.assert_array_equal(suppress(np.repeat(soft, 2, axis=0)[::2]), suppress(soft))


def test_what_is_given_is_not_changed() -> None:
    soft = soft_line(0.7)
    before = soft.copy()
    suppress(soft)
    np.testing.assert_array_equal(soft, before)
