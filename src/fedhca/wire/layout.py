"""Named parameters <-> one flat row.

What travels between client and server is one flat row per encoder and per decoder; the layout says which stretch of it
is which parameter, and which parameters make a layer.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.errors import LayoutError


@dataclass(frozen=True)
class Segment:
    """One named parameter.

    Attributes:
        name: of the parameter.
        layer: it belongs to.
        shape: of the parameter.
        start: of its stretch in the row.
        stop: end of the stretch, exclusive.
        norm: whether its layer normalises (BatchNorm, LayerNorm and the like).

    """

    name: str
    layer: str
    shape: tuple[int, ...]
    start: int
    stop: int
    norm: bool = False


@dataclass(frozen=True)
class Layout:
    """Named parameters laid end to end in a row of width w.

    A layer is a parameter's name without its last part: `linears.0.weight` and `linears.0.bias` are of layer
    `linears.0`. Names are compared whole, never by substring.
    """

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, shapes: Mapping[str, Iterable[int]], norms: Collection[str] = ()) -> "Layout":
        """Lay out parameters of the given names and shapes, in that order; `norms` are names of layers."""
        segments, start = [], 0
        for name, shape in shapes.items():
            extent = tuple(int(size) for size in shape)
            stop = start + prod(extent)
            layer = name.rpartition(".")[0] or name
            segments.append(Segment(name, layer, extent, start, stop, layer in norms))
            start = stop
        return cls(tuple(segments))

    @cached_property
    def width(self) -> int:
        """Number of scalars in a row."""
        return self.segments[-1].stop if self.segments else 0

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of first appearance."""
        return tuple(dict.fromkeys(segment.layer for segment in self.segments))

    @cached_property
    def norms(self) -> frozenset[str]:
        """Names of the layers that normalise."""
        return frozenset(segment.layer for segment in self.segments if segment.norm)

    @cached_property
    def layer_of_segment(self) -> tuple[int, ...]:
        """For each segment the position of its layer in `layers`."""
        position = {layer: index for index, layer in enumerate(self.layers)}
        return tuple(position[segment.layer] for segment in self.segments)

    def flatten(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, " w"]:
        """Copy named parameters into a new row.

        Raises:
            LayoutError: a parameter is missing or has another shape.

        """
        found = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        self.require_equal(Layout.of(found, self.norms), "the parameters")
        return torch.cat([parameters[segment.name].detach().reshape(-1) for segment in self.segments])

    def unflatten(self, row: Float[Tensor, " w"]) -> dict[str, Tensor]:
        """Return the row's parameters by name, as views."""
        return {segment.name: row[segment.start : segment.stop].view(segment.shape) for segment in self.segments}

    def require_equal(self, other: "Layout", whose: str) -> None:
        """Raise LayoutError with the first difference between this layout and that of `whose`."""
        for index, mine, theirs in self._differences(other):
            found = f"Found {_describe(theirs)}. Only parameters of one architecture fit."
            raise LayoutError(f"Parameter {index} of {whose} should be {_describe(mine)}. {found}")

    def difference(self, other: "Layout") -> str:
        """Say where this layout first differs from another; nothing if it does not."""
        for index, mine, theirs in self._differences(other):
            return f"parameter {index} is {_describe(mine)} instead of {_describe(theirs)}"
        return ""

    def _differences(self, other: "Layout") -> Iterator[tuple[int, Segment | None, Segment | None]]:
        for index, (mine, theirs) in enumerate(zip_longest(self.segments, other.segments)):
            if mine != theirs:
                yield index, mine, theirs

    def as_json(self) -> list[Any]:
        """Return names, shapes, and which layers normalise, as JSON would hold them."""
        return [[segment.name, list(segment.shape), segment.norm] for segment in self.segments]

    @classmethod
    def from_json(cls, triples: Iterable[Sequence[Any]]) -> "Layout":
        """Rebuild the layout from `as_json`, whose triples come back from a file as lists."""
        facts = [(str(name), [_size(each) for each in shape], bool(norm)) for name, shape, norm in triples]
        norms = {name.rpartition(".")[0] or name for name, _, norm in facts if norm}
        return cls.of({name: shape for name, shape, _ in facts}, norms)


def _size(size: Any) -> int:
    if type(size) is not int or size < 0:
        raise ValueError(f"a shape should be of whole numbers, at least 0; found {size!r}")
    return size


def _describe(segment: Segment | None) -> str:
    if segment is None:
        return "nothing"
    return f"`{segment.name}` of shape {list(segment.shape)}{' in a normalising layer' if segment.norm else ''}"
