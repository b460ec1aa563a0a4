from collections.abc import Mapping
from math import prod

import pytest
import torch
from torch import Tensor

from fedhca.errors import LayoutError
from fedhca.wire.layout import Layout

SHAPES = {"linears.1.weight": (2, 3), "linears.1.bias": (2,), "linears.10.weight": (1, 2), "norm.weight": (2,), "t": ()}
LAYOUT = Layout.of(SHAPES)


def parameters() -> dict[str, Tensor]:
    values = iter(range(100))
    return {
        name: torch.tensor([float(next(values)) for _ in range(prod(shape))]).view(shape)
        for name, shape in SHAPES.items()
    }


def test_segments_lie_end_to_end() -> None:
    assert [(s.start, s.stop) for s in LAYOUT.segments] == [(0, 6), (6, 8), (8, 10), (10, 12), (12, 13)]
    assert LAYOUT.width == 13
    assert Layout.of({}).width == 0


def test_layers_are_whole_names_and_a_weight_and_its_bias_share_one() -> None:
    assert LAYOUT.layers == ("linears.1", "linears.10", "norm", "t")
    assert LAYOUT.layer_of_segment == (0, 0, 1, 2, 3)


def test_flatten_and_unflatten_are_inverse() -> None:
    row = LAYOUT.flatten(parameters())
    assert torch.equal(row, torch.arange(13.0))
    back = LAYOUT.unflatten(row)
    assert list(back) == list(SHAPES)
    for name, value in parameters().items():
        assert torch.equal(back[name], value)
        assert back[name].shape == value.shape


def test_flatten_copies_and_cuts_the_graph_and_unflatten_views() -> None:
    given = {name: value.requires_grad_() for name, value in parameters().items()}
    row = LAYOUT.flatten(given)
    assert not row.requires_grad
    row.zero_()
    assert given["linears.1.weight"].sum() == 15
    LAYOUT.unflatten(row)["norm.weight"].fill_(7)
    assert torch.equal(row[10:12], torch.tensor([7.0, 7.0]))


def _without(name: str) -> Mapping[str, tuple[int, ...]]:
    return {key: shape for key, shape in SHAPES.items() if key != name}


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (_without("t"), "Parameter 4 of client 'x' should be `t` of shape []. Found nothing. "),
        ({**SHAPES, "u": (3,)}, "Parameter 5 of client 'x' should be nothing. Found `u` of shape [3]. "),
        (
            {**SHAPES, "linears.1.bias": (3,)},
            "Parameter 1 of client 'x' should be `linears.1.bias` of shape [2]. Found `linears.1.bias` of shape [3]. ",
        ),
        (
            {**SHAPES, "linears.1.weight": (3, 2)},
            "Parameter 0 of client 'x' should be `linears.1.weight` of shape [2, 3]. "
            "Found `linears.1.weight` of shape [3, 2]. ",
        ),
        (
            _without("linears.1.weight"),
            "Parameter 0 of client 'x' should be `linears.1.weight` of shape [2, 3]. "
            "Found `linears.1.bias` of shape [2]. ",
        ),
    ],
)
def test_the_first_difference_is_named(other: Mapping[str, tuple[int, ...]], line: str) -> None:
    with pytest.raises(LayoutError) as error:
        LAYOUT.require_equal(Layout.of(other), "client 'x'")
    assert str(error.value) == line + "Only parameters of one architecture fit."


def test_equal_layouts_are_equal() -> None:
    LAYOUT.require_equal(Layout.of(SHAPES), "client 'x'")
    assert Layout.of(SHAPES) == LAYOUT
    assert hash(Layout.of(SHAPES)) == hash(LAYOUT)


@pytest.mark.parametrize("change", [{"t": torch.zeros(2)}, {"u": torch.zeros(1)}, {"t": None}])
def test_other_parameters_do_not_flatten(change: dict[str, Tensor | None]) -> None:
    changed = {**parameters(), **change}
    given = {name: value for name, value in changed.items() if value is not None}
    with pytest.raises(LayoutError, match="of the parameters should be"):
        LAYOUT.flatten(given)


def test_json_keeps_all() -> None:
    assert LAYOUT.as_json()[0] == ["linears.1.weight", [2, 3], False]
    assert Layout.from_json(LAYOUT.as_json()) == LAYOUT
    marked = Layout.of(SHAPES, {"norm"})
    assert [segment.name for segment in marked.segments if segment.norm] == ["norm.weight"]
    assert Layout.from_json(marked.as_json()) == marked != LAYOUT
