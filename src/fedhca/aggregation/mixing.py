"""Every rule mixes rows with a small matrix: the matrix, what it makes of the rows, and sums along directions."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.rows import Rows
from fedhca.layout import Layout


@dataclass(frozen=True)
class Mixing:
    """Who listens to whom: one [m, m] matrix M for the whole row (s = 1), or one for each of its s segments.

    `weights`:  answer_i = Σ_j M_ij end_j
    `updates`:  answer_i = end_i + Σ_j M_ij (end_j − start_j)
    `steps`:    answer_i = start_i + Σ_j M_ij (end_j − start_j)

    An identity row in the first form, and a zero row in the second, answer what was sent, bit for bit.
    """

    what: Literal["weights", "updates", "steps"]
    matrix: Float[Tensor, "s m m"]

    def of(self, rows: Rows) -> Float[Tensor, "m w"]:
        """Mix the rows."""
        answer, matrices = torch.empty_like(rows.end), self.matrix.to(rows.end.device)
        keeps = self._keeps.to(rows.end.device)
        for start, stop, segment in rows.stretches(len(self.matrix)):
            end = rows.end[:, start:stop].double()
            mixed = self._mixed(matrices[segment], rows, start, stop)
            answer[:, start:stop] = torch.where(keeps[segment], end, mixed)
        return answer

    def _mixed(self, matrix: Float[Tensor, "m m"], rows: Rows, start: int, stop: int) -> Float[Tensor, "m x"]:
        if self.what == "weights":
            return matrix @ rows.end[:, start:stop].double()
        base = rows.end if self.what == "updates" else rows.start
        return torch.addmm(base[:, start:stop].double(), matrix, rows.moved(start, stop))

    @property
    def _keeps(self) -> Bool[Tensor, "s m 1"]:
        """Whose answer is what it sent: computing it would still turn −0 into 0, and what is not finite into NaN."""
        nothing = self.matrix - self._own
        return ~nothing.any(dim=2, keepdim=True)

    @property
    def _own(self) -> Float[Tensor, "m m"]:
        """The matrix that answers what was sent."""
        own = torch.eye(self.matrix.shape[-1], dtype=self.matrix.dtype, device=self.matrix.device)
        return own if self.what != "updates" else torch.zeros_like(own)

    def listening(self, layout: Layout) -> Float[Tensor, "m m"]:
        """Return how much of participant j is in the answer to i: over segments the mean, weighted by their width."""
        if len(self.matrix) == 1:
            mean = self.matrix[0]
        else:
            widths = [segment.stop - segment.start for segment in layout.segments]
            share = torch.tensor(widths, dtype=self.matrix.dtype, device=self.matrix.device) / layout.width
            mean = torch.einsum("s,sij->ij", share, self.matrix)
        return mean if self.what != "updates" else mean + torch.eye(len(mean), dtype=mean.dtype, device=mean.device)


def combine(coefficients: Float[Tensor, "p m"], rows: Rows) -> Float[Tensor, "p w"]:
    """Return p linear mixes Σ_j coefficients_pj Δ_j of the updates."""
    result = rows.end.new_empty(len(coefficients), rows.layout.width)
    for start, stop, _ in rows.stretches(1):
        result[:, start:stop] = coefficients @ rows.moved(start, stop)
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
    for start, stop, segment in rows.stretches(1 if whole else len(rows.layout.segments)):
        layer = 0 if whole else rows.layout.layer_of_segment[segment]
        update, direction = rows.moved(start, stop), directions[:, start:stop].double()
        product[:, layer] += (direction * update).sum(1)
        left[:, layer] += direction.square().sum(1)
        right[:, layer] += update.square().sum(1)
    return product, (left * right).sqrt()


def outer(directions: Float[Tensor, "p w"], rows: Rows) -> tuple[Float[Tensor, "m p"], Float[Tensor, "m p"]]:
    """Return ⟨direction_j, Δ_i⟩ and ‖direction_j‖·‖Δ_i‖ of every pair in float64."""
    product = torch.zeros(len(rows.members), len(directions), dtype=torch.float64, device=rows.end.device)
    lengths = torch.zeros(len(directions), dtype=torch.float64, device=rows.end.device)
    for start, stop, _ in rows.stretches(1):
        direction = directions[:, start:stop].double()
        product.addmm_(rows.moved(start, stop), direction.T)
        lengths += direction.square().sum(1)
    return product, (rows.gram.diagonal()[:, None] * lengths).sqrt()
