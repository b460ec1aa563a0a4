"""MaT-FL's groups, found again where they are plain to see."""

import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fedhca.aggregation import Rows, dynamic_groups
from fedhca.errors import RecipeError
from fedhca.wire.layout import Layout

FEW = settings(max_examples=30)


def rows_of(end: Tensor, start: Tensor | None = None) -> Rows:
    layout = Layout.of({"layer.weight": (end.shape[1],)})
    return Rows(torch.zeros_like(end) if start is None else start, end, zoo.members(len(end)), layout)


def together(matrix: Tensor) -> list[list[int]]:
    return [row.nonzero()[:, 0].tolist() for row in matrix]


@FEW
@given(seed=zoo.seeds, labels=st.lists(st.integers(0, 2), min_size=4, max_size=7).filter(lambda x: len(set(x)) == 3))
def test_plain_groups_are_found_whatever_the_common_part(seed: int, labels: list[int]) -> None:
    draw = torch.Generator().manual_seed(seed)
    centres = torch.eye(3, 40) * 5
    common = 100 * torch.randn(40, generator=draw)  # what all share must not hide how they differ
    end = common + centres[labels] + 0.1 * torch.randn(len(labels), 40, generator=draw)
    found = dynamic_groups(groups=3).apply({}, rows_of(end)).mixing.matrix[0]
    assert together(found) == [[j for j, other in enumerate(labels) if other == label] for label in labels]
    torch.testing.assert_close(found.sum(1), torch.ones(len(labels), dtype=torch.float64))


def test_updates_group_by_where_clients_go_not_where_they_are() -> None:
    start = torch.tensor([[9.0, 0.0], [0.0, 9.0], [9.0, 0.1], [0.1, 9.0]])
    moves = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [-1.0, 0.1]])
    rows = rows_of(start + moves, start)
    assert together(dynamic_groups(signal="updates").apply({}, rows).mixing.matrix[0]) == [
        [0, 1],
        [0, 1],
        [2, 3],
        [2, 3],
    ]
    assert together(dynamic_groups(signal="weights").apply({}, rows).mixing.matrix[0]) == [
        [0, 2],
        [1, 3],
        [0, 2],
        [1, 3],
    ]


@FEW
@given(seed=zoo.seeds, m=st.integers(2, 6), threshold=st.floats(-0.9, 1))
def test_soft_weights_are_the_formula(seed: int, m: int, threshold: float) -> None:
    rows = zoo.rows("random", m, seed=seed)
    found = dynamic_groups(soft=True, threshold=threshold).apply({}, rows).mixing.matrix[0]
    centred = rows.end.double() - rows.end.double().mean(0)
    cosines = torch.nn.functional.cosine_similarity(centred[:, None], centred[None], dim=-1)
    shares = (cosines + threshold).clamp_min(0)
    torch.testing.assert_close(found, shares / shares.sum(1, keepdim=True), rtol=1e-6, atol=1e-9)


def test_a_zero_vector_is_near_to_everyone() -> None:
    end = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])  # centred, the third is zero
    found = dynamic_groups(soft=True).apply({}, rows_of(end)).mixing.matrix[0]
    torch.testing.assert_close(found[2], torch.full((3,), 1 / 3, dtype=torch.float64))


def test_who_did_not_move_is_in_all_groups() -> None:
    moves = torch.tensor([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0], [1.0, 0.1]])
    found = dynamic_groups(signal="updates").apply({}, rows_of(moves)).mixing.matrix[0]
    assert together(found) == [[0, 1, 3], [0, 1, 2, 3], [1, 2], [0, 1, 3]]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"groups": 0}, "Parameter `groups` should be at least 1. Found `groups = 0`."),
        ({"threshold": -1.0}, "Parameter `threshold` should be in (-1, 1]. Found `threshold = -1.0`."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], line: str) -> None:
    with pytest.raises(RecipeError) as found:
        dynamic_groups(**options)  # type: ignore[arg-type]
    assert str(found.value).startswith(line)
