"""Every rule mixes rows with a small matrix: the two streaming passes that all rules share.

Pass one accumulates the Gram matrix of the updates, pass two mixes. Both walk the rows in stretches and accumulate in
float64, so the memory beyond the rows stays bounded however wide they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.rows import Rows
from fedhca.layout import Layout

STRETCH = 1 << 18
"""Columns that are widened to float64 at a time."""


@dataclass(frozen=True)
class Mixing:
    """Who listens to whom: one [m, m] matrix M for the whole row (s = 1), or one for each of its s segments.

    `weights`:  answer_i = Σ_j M_ij end_j
    `updates`:  answer_i = end_i + Σ_j M_ij (end_j − start_j)

    In the second form a zero matrix answers what was sent, bit for bit.
    """

    what: Literal["weights", "updates"]
    matrix: Float[Tensor, "s m m"]

    def of(self, rows: Rows) -> Float[Tensor, "m w"]:
        """Mix the rows."""
        answer, matrices = torch.empty_like(rows.end), self.matrix.to(rows.end.device)
        for start, stop, segment in _stretches(rows, len(self.matrix)):
            matrix, end = matrices[segment], rows.end[:, start:stop].double()
            if self.what == "weights":
                answer[:, start:stop] = matrix @ end
            else:
                update = end - rows.start[:, start:stop].double()
                listens = matrix.any(dim=1, keepdim=True)  # adding nothing would still turn −0 into 0
                answer[:, start:stop] = torch.where(listens, torch.addmm(end, matrix, update), end)
        return answer

    def listening(self, layout: Layout) -> Float[Tensor, "m m"]:
        """Return how much of participant j is in the answer to i: over segments the mean, weighted by their width."""
        if len(self.matrix) == 1:
            mean = self.matrix[0]
        else:
            widths = [segment.stop - segment.start for segment in layout.segments]
            share = torch.tensor(widths, dtype=self.matrix.dtype, device=self.matrix.device) / layout.width
            mean = torch.einsum("s,sij->ij", share, self.matrix)
        return mean if self.what == "weights" else mean + torch.eye(len(mean), dtype=mean.dtype, device=mean.device)


def gram(rows: Rows, *, by_segment: bool = False) -> Float[Tensor, "s m m"]:
    """Return G_ij = ⟨Δ_i, Δ_j⟩ of the updates in float64, over the whole row (s = 1) or segment by segment."""
    m = len(rows.members)
    count = len(rows.layout.segments) if by_segment else 1
    total = torch.zeros(count, m, m, dtype=torch.float64, device=rows.end.device)
    for start, stop, segment in _stretches(rows, count):
        update = rows.end[:, start:stop].double() - rows.start[:, start:stop].double()
        total[segment].addmm_(update, update.T)
    return total


def combine(coefficients: Float[Tensor, "p m"], rows: Rows) -> Float[Tensor, "p w"]:
    """Return p linear mixes Σ_j coefficients_pj Δ_j of the updates."""
    result = rows.end.new_empty(len(coefficients), rows.layout.width)
    for start, stop, _ in _stretches(rows, 1):
        update = rows.end[:, start:stop].double() - rows.start[:, start:stop].double()
        result[:, start:stop] = coefficients @ update
    return result


def inner(directions: Float[Tensor, "p w"], rows: Rows) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Return ⟨direction_i, Δ_i⟩ and ‖direction_i‖·‖Δ_i‖ in float64; p is m, or 1 for one direction common to all."""
    return tuple(part[:, 0] for part in inner_by_layer(directions, rows, whole=True))  # type: ignore[return-value]


def inner_by_layer(
    directions: Float[Tensor, "p w"], rows: Rows, *, whole: bool = False
) -> tuple[Float[Tensor, "m l"], Float[Tensor, "m l"]]:
    """Do as `inner`, layer by layer: sums over the tensors of each layer."""
    m = len(rows.members)
    layers = 1 if whole else len(rows.layout.layers)
    product, left, right = torch.zeros(3, m, layers, dtype=torch.float64, device=rows.end.device)
    for start, stop, segment in _stretches(rows, 1 if whole else len(rows.layout.segments)):
        layer = 0 if whole else rows.layout.layer_of_segment[segment]
        update = rows.end[:, start:stop].double() - rows.start[:, start:stop].double()
        direction = directions[:, start:stop].double()
        product[:, layer] += (direction * update).sum(1)
        left[:, layer] += direction.square().sum(1)
        right[:, layer] += update.square().sum(1)
    return product, (left * right).sqrt()


def _stretches(rows: Rows, segments: int) -> Iterator[tuple[int, int, int]]:
    """Walk the row as (start, stop, segment) in pieces of at most STRETCH columns."""
    bounds = [(0, rows.layout.width)] if segments == 1 else [(s.start, s.stop) for s in rows.layout.segments]
    for segment, (start, stop) in enumerate(bounds):
        for begin in range(start, stop, STRETCH):
            yield begin, min(begin + STRETCH, stop), segment
