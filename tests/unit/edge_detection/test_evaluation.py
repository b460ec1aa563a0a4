from collections.abc import Callable, Iterator

import numpy as np
import pytest

from fedhca import edge_detection
from fedhca.edge_detection import Scores, benchmark
from fedhca.errors import DataError, FedhcaError, RecipeError

LINE = np.zeros((40, 60), bool)
LINE[:, 30] = True
MAP = 255 * LINE.astype(np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.float64, bool])
def test_maps_of_any_kind_score_the_same(kind: type) -> None:
    scores = benchmark([MAP if kind is np.uint8 else LINE.astype(kind)], [LINE], suppress=False)
    assert (scores.ods, scores.ods_threshold, scores.ois, scores.pictures) == (1, 0.01, 1, 1)
    assert repr(scores).startswith("Scores(ods=1.0000 at 0.01")


@pytest.mark.parametrize("truth", [[LINE], (LINE, LINE), LINE[None], np.stack([LINE, LINE]), [MAP, LINE]])
def test_truths_may_be_of_one_or_several(truth: object) -> None:
    scores = benchmark([MAP], [truth], suppress=False)  # type: ignore[list-item]
    assert scores.ods == 1
    assert scores.counts[0, 1] == 40 * len(truth)  # type: ignore[arg-type]


def test_pictures_may_differ_in_size_and_come_one_by_one() -> None:
    def turned() -> Iterator[np.ndarray]:
        yield from (LINE, LINE.T, LINE[:20])

    assert benchmark((255 * each.astype(np.uint8) for each in turned()), turned(), suppress=False).ods == 1


def test_a_soft_map_is_cut_off_and_not_rounded() -> None:
    almost = LINE * (2.99 / 255)  # becomes 2, below the first threshold
    assert benchmark([almost], [LINE], suppress=False).ods == 0


WRONG: dict[str, tuple[Callable[[], object], type[FedhcaError], str]] = {
    "range": (lambda: benchmark([2.0 * LINE], [LINE]), DataError, r"Picture 0: .* from 0 to 2"),
    "not a number": (lambda: benchmark([LINE * np.nan], [LINE]), DataError, r"\[0, 1\]"),
    "whole numbers": (lambda: benchmark([LINE.astype(int)], [LINE]), DataError, "int64"),
    "a colour picture": (lambda: benchmark([np.zeros((4, 5, 3))], [LINE]), DataError, r"\(4, 5, 3\)"),
    "an empty picture": (lambda: benchmark([LINE[:0]], [LINE[:0]]), DataError, r"\(0, 60\)"),
    "another size": (lambda: benchmark([MAP, MAP], [LINE, LINE.T]), DataError, r"Picture 1: .*\(40, 60\).*\(60, 40\)"),
    "no annotator": (lambda: benchmark([MAP], [[]]), DataError, "annotator"),
    "no picture": (lambda: benchmark([], []), DataError, "at least one picture"),
    "more predictions": (lambda: benchmark([MAP, MAP], [LINE]), DataError, "only 1 truths and more predictions"),
    "more truths": (lambda: benchmark([MAP], [LINE, LINE]), DataError, "only 1 predictions and more truths"),
    "far": (lambda: benchmark([MAP], [LINE], max_dist=1.5), RecipeError, r"max_dist = 1\.5"),
    "nowhere": (lambda: benchmark([MAP], [LINE], max_dist=float("nan")), RecipeError, "max_dist = nan"),
    "no jobs": (lambda: benchmark([MAP], [LINE], jobs=0), RecipeError, "jobs = 0"),
    "no threshold": (lambda: benchmark([MAP], [LINE], thresholds=[]), RecipeError, "thresholds"),
    "threshold 0": (lambda: benchmark([MAP], [LINE], thresholds=[0.0, 0.5]), RecipeError, "thresholds"),
    "descending": (lambda: benchmark([MAP], [LINE], thresholds=[0.5, 0.2]), RecipeError, r"Found \[0\.5 0\.2\]"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_one_line(kind: str) -> None:
    act, error, pattern = WRONG[kind]
    with pytest.raises(error, match=pattern) as caught:
        act()
    assert "\n" not in str(caught.value)


def test_average_precision_is_read_off_between_the_thresholds() -> None:
    # Recall 1/2 at precision 1, recall 1 at precision 1/2: 51 levels below 1/2 are not reached, but 1/2 itself is.
    counts = np.array([[20, 20, 20, 40], [10, 20, 10, 10]])
    scores = Scores(counts, counts[0], np.array([0.3, 0.6]), 1)
    assert scores.ap == pytest.approx(sum(1.5 - level / 100 for level in range(50, 101)) / 100)


def test_the_door_names_what_is_behind_it() -> None:
    assert set(edge_detection.__all__) <= set(dir(edge_detection))
    with pytest.raises(AttributeError, match="benchmark"):
        edge_detection.bench  # noqa: B018
