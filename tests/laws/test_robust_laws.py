"""What must hold of rules that some participants lie to; f liars of m send anything that is finite."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
import zoo
from hypothesis import given
from hypothesis import strategies as st
from test_aggregation_laws import FEW, ROBUST, RULES, close, size
from torch import Tensor

from fedhca.aggregation import (
    Aggregator,
    Rows,
    apply_among,
    coordinate_median,
    geometric_median,
    krum,
    passes,
    trimmed_mean,
)
from fedhca.aggregation.distances import told_apart
from fedhca.aggregation.geometric_median import TOLERANCE, median_point
from fedhca.errors import RecipeError
from fedhca.wire.layout import Layout

LIES = ("far away", "flipped", "one other's row", "all alike", "hardly off")
federations = st.fixed_dictionaries(
    {
        "animal": st.sampled_from(sorted(zoo.ZOO)),
        "m": st.integers(3, 11),
        "lie": st.sampled_from(LIES),
        "exponent": zoo.exponents,
        "seed": zoo.seeds,
    }
)
every_robust_rule = pytest.mark.parametrize("rule", [pytest.param(RULES[name], id=name) for name in sorted(ROBUST)])


def lied_to(animal: str, m: int, liars: int, lie: str, exponent: int, seed: int) -> tuple[Rows, Tensor]:
    """Return rows from one start, as after a round of a robust rule, and who is honest; the liars stand anywhere."""
    draw = torch.Generator().manual_seed(seed)
    moves = zoo.updates(animal, m, 20, seed)
    honest = torch.ones(m, dtype=torch.bool)
    honest[torch.randperm(m, generator=draw)[:liars]] = False
    noise = torch.randn(m, 20, generator=draw, dtype=torch.float64)
    lies = {
        "far away": noise * 2.0**exponent,
        "flipped": -(2.0**exponent) * moves,
        "one other's row": moves[honest][:1].expand(m, -1),
        "all alike": noise[:1].expand(m, -1) * 2.0**exponent,
        "hardly off": moves[honest].mean(0) + 1e-3 * noise,
    }[lie]
    end = torch.where(honest[:, None], moves, lies)
    return Rows(torch.zeros_like(end), end, zoo.members(m), Layout.of({"w": (20,)})), honest


def least_and_greatest(rows: Rows, honest: Tensor) -> tuple[Tensor, Tensor]:
    return rows.end[honest].amin(0), rows.end[honest].amax(0)


@pytest.mark.parametrize("share", [0.5, 0.34, 0.2, 0.1])
@FEW
@given(drawn=federations)
def test_in_each_coordinate_the_answer_lies_among_what_the_honest_sent(share: float, drawn: dict[str, Any]) -> None:
    m = drawn["m"]
    rule = coordinate_median() if share == 0.5 else trimmed_mean(share=share)
    liars = (m - 1) // 2 if share == 0.5 else math.floor(share * m)
    rows, honest = lied_to(liars=liars, **drawn)
    least, greatest = least_and_greatest(rows, honest)
    answer = rule.apply({}, rows).rows
    assert (answer >= least).all()
    assert (answer <= greatest).all()


@FEW
@given(drawn=federations)
def test_krum_is_bounded_by_how_far_the_honest_lie_apart(drawn: dict[str, Any]) -> None:
    m, f = drawn["m"], (drawn["m"] - 3) // 2
    rows, honest = lied_to(liars=f, **drawn)
    answer = krum().apply({}, rows).rows[0]
    apart = float(torch.cdist(rows.end[honest], rows.end[honest]).max())
    furthest = (rows.end[honest] - answer).norm(dim=1).max()
    assert float(furthest) <= apart * (1 + math.sqrt((m - f - 2) / (m - 2 * f - 1))) + 1e-12 * size(rows)


@FEW
@given(drawn=federations, where=zoo.seeds)
def test_no_point_has_a_lesser_sum_of_distances_than_the_geometric_median(drawn: dict[str, Any], where: int) -> None:
    rows, _ = lied_to(liars=(drawn["m"] - 1) // 2, **drawn | {"exponent": drawn["exponent"] / 10})

    def total(point: Tensor) -> float:
        return float((rows.end - point).norm(dim=1).sum())

    found, draw = geometric_median().apply({}, rows).rows[0], torch.Generator().manual_seed(where)
    for scale in (1e-6, 1e-3, 1.0):
        aside = found + scale * rows.end.abs().mean() * torch.randn(20, generator=draw, dtype=torch.float64)
        assert total(found) <= total(aside) * (1 + 1e-6)
    for point in (*rows.end, rows.end.mean(0), rows.end.median(0).values):
        assert total(found) <= total(point) * (1 + 1e-6) + 1e-12 * size(rows)


@FEW
@given(drawn=federations)
def test_a_minority_cannot_carry_the_geometric_median_off(drawn: dict[str, Any]) -> None:
    m, f = drawn["m"], (drawn["m"] - 1) // 2
    rows, honest = lied_to(liars=f, **drawn)
    answer = geometric_median().apply({}, rows).rows[0]
    middle = rows.end[honest].mean(0)
    spread = float((rows.end[honest] - middle).norm(dim=1).sum())
    assert float((answer - middle).norm()) <= 2 * spread / (m - 2 * f) * (1 + 1e-4) + 1e-12


def test_the_slope_at_the_geometric_median_is_as_small_as_it_says() -> None:
    points = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points[0] *= 1e6
    distances = told_apart(points @ points.T)
    to_point = points - median_point(distances) @ points
    slope = (to_point / to_point.norm(dim=1, keepdim=True)).sum(0).norm()
    assert 2 * float(slope) <= 10 * TOLERANCE * len(points)


def test_of_points_on_a_line_the_geometric_median_is_the_median() -> None:
    along = torch.tensor([-1.0, 0.5, 0.75, 2.0, 1e10], dtype=torch.float64)
    rows = Rows(
        torch.zeros(5, 3), torch.outer(along, torch.tensor([1.0, 2.0, -1.0]).double()).float(), zoo.members(5), W3
    )
    torch.testing.assert_close(geometric_median().apply({}, rows).rows[0], 0.75 * torch.tensor([1.0, 2.0, -1.0]))


W3 = Layout.of({"w": (3,)})


@pytest.mark.parametrize("liars", [1, 2])
def test_the_mean_can_be_carried_anywhere_and_these_cannot(liars: int) -> None:
    rows, honest = lied_to("nearly parallel", 7, liars, "far away", 30, 5)
    near = rows.end[honest].mean(0)
    for name in ("mean", *sorted(ROBUST)):
        rule = trimmed_mean(share=0.3) if name == "trimmed mean" else RULES[name]
        off = float((rule.apply({}, rows).rows[0] - near).norm() / near.norm())
        assert off > 1e6 if name == "mean" else off < 1e-3, name


def test_medians_and_trimmed_means_by_hand() -> None:
    end = torch.tensor([[1.0, 5.0, -1.0], [2.0, 1.0, -1.0], [4.0, 3.0, 9.0], [8.0, 2.0, -1.0], [-50.0, 90.0, -1.0]])
    rows = Rows(torch.full_like(end, math.nan), end, zoo.members(5), W3)  # the start plays no part
    middle = coordinate_median().apply({}, rows)
    assert middle.rows.tolist() == [[2, 3, -1]] * 5
    shares = torch.tensor([1 / 4, 1 + 1 / 4, 1.0, 1 / 4, 1 / 4], dtype=torch.float64) / 3
    torch.testing.assert_close(middle.mixing.listening(rows.layout), shares.expand(5, 5))
    trimmed = trimmed_mean(share=0.2).apply({}, rows)
    torch.testing.assert_close(trimmed.rows, torch.tensor([7 / 3, 10 / 3, -1.0]).expand(5, 3))
    assert trimmed_mean(share=0.19).apply({}, rows).rows[0].tolist() == end.double().mean(0).float().tolist()
    four = Rows(end[:4], end[:4], zoo.members(4), W3)
    assert coordinate_median().apply({}, four).rows[0].tolist() == [3, 2.5, -1]


@pytest.mark.parametrize(("share", "m", "kept"), [(0.29, 100, 42), (0.499999, 2, 2), (0.4, 5, 1), (0.2, 6, 4)])
def test_how_many_are_left_out(share: float, m: int, kept: int) -> None:
    end = torch.arange(m, dtype=torch.float64)[:, None].flip(0)
    answer = trimmed_mean(share=share).apply({}, Rows(end, end, zoo.members(m), Layout.of({"w": (1,)})))
    assert int((answer.mixing.matrix[0, 0] > 0).sum()) == kept


def test_krum_leaves_out_who_has_nobody_near_and_ties_share_a_place() -> None:
    end = torch.tensor([[0.0], [0.1], [100.0], [0.2], [0.3], [0.1]])
    rows = Rows(torch.zeros_like(end), end, zoo.members(6), Layout.of({"w": (1,)}))
    assert krum().apply({}, rows).mixing.matrix[0, 0].tolist() == [0.2, 0.2, 0, 0.2, 0.2, 0.2]
    assert krum(byzantine=0).apply({}, rows).mixing.matrix[0, 0].tolist() == [pytest.approx(1 / 6)] * 6
    even = torch.tensor([[-1.0], [-1.0], [0.0], [1.0], [1.0]])
    tied = krum().apply({}, Rows(torch.zeros_like(even), even, zoo.members(5), Layout.of({"w": (1,)}))).mixing
    assert tied.matrix[0, 0].tolist() == [0.25, 0.25, 0, 0.25, 0.25]
    apart = torch.tensor([[0.0], [2.0], [4.0], [6.0], [8.0]])  # 1 and 3, 0 and 4 are each other's mirror images
    tied = (
        krum(byzantine=1).apply({}, Rows(torch.zeros_like(apart), apart, zoo.members(5), Layout.of({"w": (1,)}))).mixing
    )
    assert tied.matrix[0, 0].tolist() == [0.125, 0.25, 0.25, 0.25, 0.125]


@every_robust_rule
@FEW
@given(drawn=zoo.any_rows)
def test_all_are_answered_the_same(rule: Aggregator, drawn: dict[str, Any]) -> None:
    rows = zoo.rows(**drawn)
    answer = rule.apply({}, rows)
    assert all(torch.equal(one, other) for one, other in pairwise(answer.rows))
    assert all(torch.equal(one, other) for one, other in pairwise(answer.mixing.matrix[0]))


@every_robust_rule
def test_a_liar_who_is_absent_is_not_heard(rule: Aggregator) -> None:
    rows, honest = lied_to("random", 6, 1, "far away", 30, 3)
    answer = apply_among(rule, {}, rows, honest)
    heard = answer.mixing.listening(rows.layout)
    close(heard[honest][:, honest].sum(1), torch.ones(5), 1.0)
    assert not heard[honest][:, ~honest].any()
    assert heard[~honest][:, ~honest].item() == 1
    assert torch.equal(answer.rows[~honest], rows.start[~honest])


@pytest.mark.parametrize("stretch", [1, 7, 1000])
def test_a_trimming_is_the_same_to_the_last_bit_whatever_the_blocks(stretch: int) -> None:
    rows = zoo.rows("random", 6, exponent=3, seed=4)
    whole = trimmed_mean(share=0.3).apply({}, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "CHUNK", stretch)
        parts = trimmed_mean(share=0.3).apply({}, rows)
    assert torch.equal(parts.rows, whole.rows)
    assert torch.equal(parts.mixing.matrix, whole.mixing.matrix)


@pytest.mark.parametrize("m", [1, 2])
@every_robust_rule
def test_of_one_or_two_it_is_the_mean(rule: Aggregator, m: int) -> None:
    rows = zoo.rows("random", m)
    close(rule.apply({}, rows).rows, rows.end.double().mean(0).expand(m, -1), size(rows))


def test_before_a_trimming_nobody_knows_who_is_heard() -> None:
    rows = zoo.rows("random")
    with pytest.raises(ValueError, match="when the rows have been trimmed"):
        coordinate_median().decide({}, rows).mixing.listening(rows.layout)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: trimmed_mean(share=0.5), "Parameter `share` should be in [0, 0.5). Found `share = 0.5`."),
        (lambda: trimmed_mean(share=math.nan), "Parameter `share` should be in [0, 0.5). Found `share = nan`."),
        (lambda: trimmed_mean(share=-0.1), "Parameter `share` should be in [0, 0.5). Found `share = -0.1`."),
        (lambda: krum(byzantine=-1), "Parameter `byzantine` should be at least 0. Found `byzantine = -1`."),
    ],
)
def test_options_outside_their_range(make: Any, line: str) -> None:
    with pytest.raises(RecipeError) as error:
        make()
    assert str(error.value) == line
