import numpy as np

from fedhca.tasks import palette
from fedhca.tasks.palette import BLUES, EMBERS, INK, NEUTRAL, class_colours, shade


def brightness(colours: np.ndarray) -> np.ndarray:
    return colours @ np.array([0.2126, 0.7152, 0.0722])


def test_all_256_colours_differ_and_the_last_means_no_label() -> None:
    assert len(np.unique(class_colours(), axis=0)) == 256
    assert class_colours()[255].tolist() == NEUTRAL.tolist()


def test_the_first_classes_stay_apart_for_every_eye() -> None:
    linear = (class_colours()[:21] / 255) ** 2.2
    for eye in palette._SIGHT:
        seen = palette._lab(np.clip(linear @ eye.T, 0, 1))
        distance = np.linalg.norm(seen[:, None] - seen, axis=-1) + 9 * np.eye(21)
        assert distance.min() > 0.04  # about two just noticeable differences


def test_the_colours_are_the_same_on_every_machine() -> None:
    first = [[34, 47, 61], [202, 237, 10], [212, 115, 253], [152, 121, 16]]
    np.testing.assert_allclose(class_colours()[:4].astype(int), first, atol=1)


def test_depth_and_saliency_grow_evenly_in_one_direction() -> None:
    level = np.linspace(0, 1, 101)[None]
    for colour_map, sign in ((EMBERS, 1), (BLUES, -1), (INK, -1)):
        steps = sign * np.diff(brightness(shade(level, colour_map, level >= 0)[0]))
        assert steps.min() >= -0.5  # rounding to 8 bit
        assert steps.sum() > 150


def test_beyond_the_ends_stand_the_colours_of_the_ends() -> None:
    values = np.array([[-3.0, 0.0, 1.0, 9.0]])
    picture = shade(values, EMBERS, values < 99)
    assert picture[0, 0].tolist() == picture[0, 1].tolist() == EMBERS[0].tolist()
    assert picture[0, 3].tolist() == picture[0, 2].tolist() == EMBERS[-1].tolist()


def test_painting_leaves_the_shared_table_alone() -> None:
    class_colours()[np.array([[0, 1]])][:] = 0
    assert class_colours()[1].any()
