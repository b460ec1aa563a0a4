"""The one input of every aggregation rule: where each participant started and where it arrived.

Rows are walked in stretches and sums are taken in float64, so the memory beyond the rows stays bounded however wide
they are: a rule needs one pass for its inner products and one to mix (see `mixing`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.layout import Layout

STRETCH = 1 << 18
"""Columns that are widened to float64 at a time."""


@dataclass(frozen=True)
class Member:
    """Whose row it is: an encoder has all tasks of its client, a decoder has one."""

    client: str
    dataset: str
    tasks: tuple[str, ...]
    examples: int = 1


@dataclass(frozen=True)
class Rows:
    """Parameters of m participants before and after local training, one row of width w each.

    Attributes:
        start: what each participant received.
        end: what it sent after local training; its update is `end − start`.
        members: whose row each is.
        layout: names, shapes and layers of the row's segments.
        fresh: whose start is what was answered last round; all if not given. One who was away started further back,
            so that last round's directions say nothing about its progress.

    """

    start: Float[Tensor, "m w"]
    end: Float[Tensor, "m w"]
    members: tuple[Member, ...]
    layout: Layout
    fresh: Bool[Tensor, " m"] | None = None

    def __post_init__(self) -> None:
        if len(self.members) != len(self.end) or self.layout.width != self.end.shape[1]:
            expected = f"{len(self.members)} rows of width {self.layout.width}"
            raise ValueError(f"Rows should be {expected}. Found {tuple(self.end.shape)}.")

    @property
    def updates(self) -> Float[Tensor, "m w"]:
        """How far each participant moved, Δ = end − start (a new tensor of the rows' size)."""
        return self.end - self.start

    @cached_property
    def gram(self) -> Float[Tensor, "m m"]:
        """G_ij = ⟨Δ_i, Δ_j⟩ of the updates in float64; one pass, however many ask."""
        return self._products(self.moved, 1)[0]

    @cached_property
    def gram_by_segment(self) -> Float[Tensor, "s m m"]:
        """Do as `gram`, segment by segment."""
        return self._products(self.moved, len(self.layout.segments))

    @cached_property
    def centred_gram(self) -> Float[Tensor, "m m"]:
        """G_ij = ⟨w_i − w̄, w_j − w̄⟩ of what was sent, w = end, in float64.

        Distances and angles between participants are in it without the cancellation that large weights bring.
        """
        return self._products(self._centred, 1)[0]

    def stretches(self, segments: int) -> Iterator[tuple[int, int, int]]:
        """Walk the row as (start, stop, segment) in pieces of at most STRETCH columns; 1 segment is the whole row."""
        bounds = [(0, self.layout.width)] if segments == 1 else [(s.start, s.stop) for s in self.layout.segments]
        for segment, (start, stop) in enumerate(bounds):
            for begin in range(start, stop, STRETCH):
                yield begin, min(begin + STRETCH, stop), segment

    def moved(self, start: int, stop: int) -> Float[Tensor, "m x"]:
        """Return columns start:stop of the updates, in float64."""
        return self.end[:, start:stop].double() - self.start[:, start:stop].double()

    def _centred(self, start: int, stop: int) -> Float[Tensor, "m x"]:
        end = self.end[:, start:stop].double()
        return end - end.mean(0)

    def _products(self, columns: Callable[[int, int], Tensor], segments: int) -> Float[Tensor, "s m m"]:
        m = len(self.members)
        total = torch.zeros(segments, m, m, dtype=torch.float64, device=self.end.device)
        for start, stop, segment in self.stretches(segments):
            values = columns(start, stop)
            total[segment].addmm_(values, values.T)
        return total
