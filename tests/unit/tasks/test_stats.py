import math

import pytest
import torch
from torch import Tensor

from fedhca.errors import DataError
from fedhca.tasks.stats import THRESHOLDS, Angles, Confusion, Hits, Squares, Stat, ThresholdCounts

EVERYWHERE = torch.ones(1, 1, 4, dtype=torch.bool)


def row(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor([[values]], dtype=dtype)


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1)


def angle(a: Tensor, b: Tensor) -> float:
    return Angles.of(a, b, torch.ones(1, 1, 1, dtype=torch.bool)).result()


def test_the_squares_count_only_what_is_valid() -> None:
    valid = torch.tensor([[[True, True, False, True]]])
    assert Squares.of(row(1, 2, math.inf, 6), row(1, 4, 0, 2), valid).result() == pytest.approx(math.sqrt(20 / 3))


def test_miou_by_hand() -> None:
    label, prediction = row(0, 0, 1, 2, dtype=torch.int64), row(0, 1, 1, 2, dtype=torch.int64)
    counts = Confusion.of(prediction, label, EVERYWHERE, classes=4)
    assert counts.matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert counts.result() == pytest.approx(100 * (1 / 2 + 1 / 2 + 1 + 0) / 4)  # the absent class 3 counts as 0


def test_miou_of_small_integer_types_does_not_overflow() -> None:
    label = torch.full((1, 1, 4), 200, dtype=torch.uint8)
    assert Confusion.of(label, label, EVERYWHERE, classes=250).matrix[200, 200] == 4


@pytest.mark.parametrize(("label", "prediction"), [(3, 0), (-1, 0), (0, 3), (0, -1)])
def test_a_class_that_does_not_exist_is_refused_where_it_counts(label: int, prediction: int) -> None:
    labels, predictions = row(label, 0, 0, 0, dtype=torch.int64), row(prediction, 0, 0, 0, dtype=torch.int64)
    with pytest.raises(DataError, match=rf"0 … 2 .* label {label}, prediction {prediction}\."):
        Confusion.of(predictions, labels, EVERYWHERE, classes=3)
    first_ignored = torch.tensor([[[False, True, True, True]]])
    assert Confusion.of(predictions, labels, first_ignored, classes=3).matrix.sum() == 3


def test_a_probability_on_a_threshold_reaches_it() -> None:
    on = torch.tensor(THRESHOLDS)
    probability = torch.stack([on, on.nextafter(torch.tensor(0.0))])[None]
    counts = ThresholdCounts.of(
        probability, torch.ones(1, 2, 19, dtype=torch.int64), torch.ones(1, 2, 19, dtype=torch.bool)
    )
    on_or_above = torch.arange(19, 0, -1)
    assert counts.predicted_positives.tolist() == (on_or_above + (on_or_above - 1)).tolist()


def test_max_f_by_hand() -> None:
    counts = ThresholdCounts.of(row(0.97, 0.62, 0.52, 0.12), row(1, 0, 1, 1, dtype=torch.int64), EVERYWHERE)
    # At 0.05 and 0.10 all four are predicted: P = 3/4, R = 1. At 0.95 one is: P = 1, R = 1/3.
    everything, surest = 1.3 * 0.75 / (0.3 * 0.75 + 1), 1.3 * (1 / 3) / (0.3 + 1 / 3)
    assert counts.true_positives.tolist() == [3, 3] + [2] * 8 + [1] * 9
    assert counts.predicted_positives.tolist() == [4, 4] + [3] * 8 + [2] * 2 + [1] * 7
    assert counts.actual_positives == 3
    assert counts.result() == pytest.approx(100 * max(everything, surest))


def test_max_f_without_anything_salient_is_zero_and_a_nan_is_no_detection() -> None:
    nothing = row(0, 0, 0, 0, dtype=torch.int64)
    assert ThresholdCounts.of(row(0, 0, 0, 0), nothing, EVERYWHERE).result() == 0
    broken = ThresholdCounts.of(row(*[math.nan] * 4), nothing + 1, EVERYWHERE)
    assert broken.result() == 0
    assert broken.predicted_positives.sum() == 0


def test_angles_by_hand() -> None:
    assert angle(vector(0, 0, 2), vector(0, 0, 7)) == 0
    assert angle(vector(1, 0, 0), vector(0, 5, 0)) == pytest.approx(90)
    assert angle(vector(1, 2, 3), vector(-1, -2, -3)) == pytest.approx(180)
    assert angle(vector(1, 1, 0), vector(1, 0, 0)) == pytest.approx(45)
    assert angle(vector(0, 0, 0), vector(1, 0, 0)) == pytest.approx(90)  # zero stays zero
    assert angle(vector(0, 0, 0), vector(0, 0, 0)) == 0


def test_a_tiny_angle_survives() -> None:
    assert angle(vector(1, 0, 0), vector(1, 1e-6, 0)) == pytest.approx(math.degrees(1e-6), rel=1e-6)


def test_nothing_measured_is_not_a_number() -> None:
    nowhere = torch.zeros(1, 1, 4, dtype=torch.bool)
    zeros, whole = row(0, 0, 0, 0), row(0, 0, 0, 0, dtype=torch.int64)
    field = torch.zeros(1, 3, 1, 4)
    empty: list[Stat] = [
        Squares.of(zeros, zeros, nowhere),
        Angles.of(field, field, nowhere),
        Confusion.of(whole, whole, nowhere, 5),
        ThresholdCounts.of(zeros, whole, nowhere),
    ]
    assert all(math.isnan(stat.result()) for stat in empty)


def test_sums_of_different_metrics_do_not_mix() -> None:
    ones = row(1, 1, 1, 1)
    with pytest.raises(TypeError):
        Squares.of(ones, ones, EVERYWHERE) + Hits.of(EVERYWHERE, EVERYWHERE)  # type: ignore[operator]


def test_a_statistic_shows_its_metric() -> None:
    counts = Confusion.of(row(0, 0, 1, 1, dtype=torch.int64), row(0, 0, 0, 1, dtype=torch.int64), EVERYWHERE, 2)
    assert repr(counts) == "Confusion(result=58.3333)"
