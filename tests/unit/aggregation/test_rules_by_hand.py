"""What rules answer to a few small rows, computed by hand."""

from collections.abc import Sequence
from math import exp

import pytest
import torch

from fedhca.aggregation import (
    Aggregator,
    Member,
    Rows,
    coordinate_median,
    geometric_median,
    gradient_surgery,
    krum,
    message_passing,
    own_norms,
    trimmed_mean,
    weighted_sum,
)
from fedhca.wire.layout import Layout

Table = Sequence[Sequence[float]]
PLAIN = Layout.of({"layer.weight": (2,)})
NORMED = Layout.of({"layer.weight": (1,), "norm.weight": (1,)}, norms=["norm"])


def answered(rule: Aggregator, end: Table, start: Table | None = None, layout: Layout = PLAIN) -> list[list[float]]:
    """Return the answers to rows that began at 0 unless it is said where; member i has i + 1 examples."""
    sent = torch.tensor(end, dtype=torch.float64)
    received = torch.zeros_like(sent) if start is None else torch.tensor(start, dtype=torch.float64)
    members = tuple(Member(f"client{i}", "data", ("depth",), i + 1) for i in range(len(end)))
    rows = Rows(received, sent, members, layout)
    found: list[list[float]] = rule.apply(rule.init(rows), rows).rows.tolist()
    return found


def test_the_median_of_an_even_number_is_the_middle_of_the_two_in_the_middle() -> None:
    assert answered(coordinate_median(), [[1, 9], [100, 0], [2, -3], [4, 5]]) == [[3, 2.5]] * 4
    assert answered(coordinate_median(), [[1, 9], [100, 0], [2, -3]]) == [[2, 0]] * 3


@pytest.mark.parametrize(
    ("share", "answer"),
    [(0.2, [(2 + 3 + 10) / 3, 0]), (0.4, [3, 0]), (0.19, [116 / 5, 0])],  # one, two and none left out at either end
)
def test_the_trimmed_mean_leaves_out_a_share_at_either_end(share: float, answer: list[float]) -> None:
    rows = [[1, 0], [100, 0], [2, 0], [10, 0], [3, 0]]
    assert answered(trimmed_mean(share=share), rows)[0] == pytest.approx(answer)


def test_krum_averages_those_who_have_the_nearest_neighbours() -> None:
    """Each is judged by its m − f − 2 = 2 nearest: 5, 2, 5, 46 and 9,505 squared; four of five are kept."""
    assert answered(krum(byzantine=1), [[0, 0], [1, 0], [2, 0], [6, 0], [100, 0]]) == [[2.25, 0]] * 5


def test_the_geometric_median_of_four_corners_is_where_their_diagonals_cross() -> None:
    found = answered(geometric_median(), [[-1, 2], [3, 2], [0, 1], [0, 4]])
    for row in found:
        assert row == pytest.approx([0, 2], abs=1e-6)


def test_the_geometric_median_of_three_around_a_wide_corner_is_that_corner() -> None:
    """At (0, 0) the others pull with (1, 0) + (−4/5, 3/5), which is shorter than 1."""
    for row in answered(geometric_median(), [[0, 0], [5, 0], [-4, 3]]):
        assert row == pytest.approx([0, 0], abs=1e-6)


def test_surgery_takes_from_each_update_what_another_is_against() -> None:
    """(1, 0) becomes (0.5, 0.5) beside (−1, 1), which becomes (0, 1); all step by their mean."""
    found = answered(gradient_surgery(), [[11, 5], [0, 4]], [[10, 5], [1, 3]])
    assert found == [pytest.approx([10.25, 5.75]), pytest.approx([1.25, 3.75])]
    assert answered(gradient_surgery(), [[1, 0], [1, 2]])[0] == pytest.approx([1, 1])  # no conflict: the mean


def test_a_weighted_sum_adds_the_same_share_of_every_update_at_first() -> None:
    found = answered(weighted_sum(weight=0.2), [[11, 5], [3, 7]], [[10, 5], [1, 3]])
    assert found == [pytest.approx([11.3, 5.4]), pytest.approx([3.3, 7.4])]  # 0.1 of (1, 0) and of (2, 4)


def test_norms_stay_home_and_the_rest_is_averaged() -> None:
    rows = [[1, 10], [4, 20], [7, 30]]
    alike, by_examples = (answered(own_norms(by_examples=each), rows, layout=NORMED) for each in (False, True))
    assert alike == [pytest.approx([4, own]) for own in (10, 20, 30)]
    assert by_examples == [pytest.approx([5, own]) for own in (10, 20, 30)]  # (1 + 8 + 21) / 6


def test_messages_are_weighed_by_how_near_they_come_from() -> None:
    """Squared distances 1, 4 and 9, their median 4: nearness exp(−d/4) · κ / 2."""
    one, four, nine = (0.25 * exp(-d / 4) for d in (1, 4, 9))
    found = answered(message_passing(kappa=0.5), [[0, 0], [1, 0], [3, 0]])
    assert [row[0] for row in found] == pytest.approx(
        [one * 1 + nine * 3, 1 - one * 1 + four * 2, 3 - nine * 3 - four * 2]
    )


def test_the_published_kernel_has_the_width_that_it_is_given() -> None:
    near = 0.6 / 2 * exp(-4 / 2)
    found = answered(message_passing(kernel="raw", alpha=0.6, sigma=2.0), [[0, 1], [2, 1]])
    assert found == [pytest.approx([2 * near, 1]), pytest.approx([2 - 2 * near, 1])]
