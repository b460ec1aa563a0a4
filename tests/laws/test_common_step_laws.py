"""PCGrad, CAGrad and ColNet on updates, held to plain forms of their formulas."""

import pytest
import torch
import zoo
from hypothesis import given, settings
from torch import Tensor

from fedhca.aggregation import Member, Rows, common_step, conflict_averse, cross_group, gradient_surgery
from fedhca.errors import RecipeError
from fedhca.wire.layout import Layout

FEW = settings(max_examples=30)


def surgery(updates: Tensor) -> Tensor:
    """PCGrad as its algorithm is written, on the vectors themselves, strongest conflict first."""
    result = []
    for update in updates:
        cosines = torch.nn.functional.cosine_similarity(update[None], updates)
        freed = update.clone()
        for j in cosines.argsort(stable=True):
            if freed @ updates[j] < 0:
                freed = freed - (freed @ updates[j]) / (updates[j] @ updates[j]) * updates[j]
        result.append(freed)
    return torch.stack(result).mean(0)


@FEW
@given(seed=zoo.seeds)
def test_surgery_is_the_algorithm(seed: int) -> None:
    rows = zoo.rows("random", 5, seed=seed, dtype=torch.float64)
    found = gradient_surgery().apply({}, rows).rows
    torch.testing.assert_close(found, rows.start + surgery(rows.updates), rtol=1e-9, atol=1e-9)


def test_two_in_conflict_lose_what_they_disagree_on() -> None:
    moves = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, 0.0]])[:2]
    rows = Rows(torch.zeros(2, 2), moves, zoo.members(2), Layout.of({"w": (2,)}))
    assert torch.equal(gradient_surgery().apply({}, rows).rows, rows.end.mean(0).expand(2, 2))
    sharp = Rows(torch.zeros(2, 2), torch.tensor([[1.0, 0.2], [-1.0, 0.2]]), zoo.members(2), rows.layout)
    found = gradient_surgery().apply({}, sharp).rows[0]
    assert found[0].abs() < 1e-6
    assert found[1] > 0.2  # each keeps all it may of the common direction


@FEW
@given(seed=zoo.seeds)
def test_the_common_step_is_the_conflict_averse_direction(seed: int) -> None:
    rows = zoo.rows("random", 4, seed=seed, dtype=torch.float64)
    found = common_step(c=0.3).apply({}, rows).rows
    torch.testing.assert_close(found, rows.start + conflict_averse(rows.updates, c=0.3), rtol=1e-9, atol=1e-9)


def test_one_global_model_stays_one() -> None:
    drawn = zoo.rows("random", 5)
    rows = Rows(drawn.start[:1].expand_as(drawn.start), drawn.end, drawn.members, drawn.layout)
    for rule in (gradient_surgery(), common_step()):
        found = rule.apply({}, rows).rows
        assert (found == found[0]).all()


@FEW
@given(seed=zoo.seeds)
def test_groups_share_their_mean_and_one_direction(seed: int) -> None:
    drawn = zoo.rows("random", 5, seed=seed, dtype=torch.float64)
    tasks = [("a",), ("b", "c"), ("a",), ("c", "b"), ("d",)]
    people = tuple(Member(str(i), "data", each) for i, each in enumerate(tasks))
    rows = Rows(drawn.start, drawn.end, people, drawn.layout)
    groups = [[0, 2], [1, 3], [4]]
    means = torch.stack([rows.updates[group].mean(0) for group in groups])
    direction = conflict_averse(means, c=0.4)
    found = cross_group(c=0.4, alpha=0.2).apply({}, rows).rows
    for group, mean in zip(groups, means, strict=True):
        for i in group:
            torch.testing.assert_close(found[i], rows.start[i] + mean + 0.2 * direction, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("rule", "options", "line"),
    [
        (common_step, {"c": 1.0}, "Parameter `c` should be in [0, 1). Found `c = 1.0`."),
        (cross_group, {"c": -0.1}, "Parameter `c` should be in [0, 1). Found `c = -0.1`."),
        (cross_group, {"alpha": -1.0}, "Parameter `alpha` should be a number, at least 0. Found `alpha = -1.0`."),
    ],
)
def test_wrong_options_are_refused(rule: type, options: dict[str, float], line: str) -> None:
    with pytest.raises(RecipeError) as found:
        rule(**options)
    assert str(found.value) == line
