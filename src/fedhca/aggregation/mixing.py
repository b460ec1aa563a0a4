"""Every rule mixes rows with a small matrix: the matrix, and what it makes of the rows."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.passes import combine
from fedhca.aggregation.rows import Rows
from fedhca.storage.tables import new_like
from fedhca.wire.layout import Layout


class Mixed(NamedTuple):
    """What became of rows: an answer for every participant, the mixes asked for, and who was heard if it only shows."""

    rows: Float[Tensor, "n w"]
    mixes: Float[Tensor, "r w"]
    heard: Float[Tensor, "s p m"] | None = None


def answer_others(rows: Rows, answer: Float[Tensor, "n w"]) -> None:
    """Answer rows that are nobody's their start."""
    if rows.places is not None and answer is not rows.start:
        for place in sorted(set(range(len(answer))) - set(rows.places)):
            answer[place] = rows.start[place]


@dataclass(frozen=True)
class Mixing:
    """Who listens to whom: p mixes of what the participants bring, and how much of each mix every one takes.

        mix_p = Σ_j heard_pj x_j        answer_i = base_i + own_i x_i + Σ_p shares_ip mix_p

    `weights`:  x_j = end_j,              base_i = 0
    `updates`:  x_j = end_j − start_j,    base_i = end_i
    `steps`:    x_j = end_j − start_j,    base_i = start_i

    for the whole row (s = 1), or for each of its s segments. A mean for all is one mix, however many take it: the cost
    is that of the numbers that are not 0. Whose numbers leave nothing but what it sent is answered that, bit for bit.

    Attributes:
        what: see above.
        heard: coefficients of the mixes.
        shares: of the mixes in the answers; every one takes the mix of its own number if not given.
        own: of what it brings itself; 0 if not given.

    """

    what: Literal["weights", "updates", "steps"]
    heard: Float[Tensor, "s p m"]
    shares: Float[Tensor, "s m p"] | None = None
    own: Float[Tensor, "s m"] | None = None

    @property
    def matrix(self) -> Float[Tensor, "s m m"]:
        """M with answer_i = base_i + Σ_j M_ij x_j."""
        mixed = self.heard if self.shares is None else self.shares @ self.heard
        return mixed if self.own is None else mixed + torch.diag_embed(self.own)

    def of(self, rows: Rows, into: Float[Tensor, "n w"] | None = None, *, first: int = 0) -> Mixed:
        """Mix the rows in one pass.

        Args:
            rows: of the participants.
            into: where the answers are written: new memory if not given; `rows.start` or `rows.end` may be given up
                for it. Rows that are nobody's are answered their start.
            first: how many of the mixes, from the first, are returned as well.

        """
        answer = new_like(rows.end) if into is None else into
        answer_others(rows, answer)
        mixes, keeps = new_like(rows.end, (first, rows.layout.width)), self._keeps
        if first == 0 and keeps.all():
            places = rows.tables.places
            if answer is not rows.end:
                answer[places] = rows.end[places]
            return Mixed(answer, mixes)
        s, m = keeps.shape
        heard = self.heard.double()
        shares = torch.eye(m, dtype=torch.float64).expand(s, m, m) if self.shares is None else self.shares
        own = torch.zeros(s, m, dtype=torch.float64) if self.own is None else self.own
        combine(rows.tables, self.what, own, heard, shares, keeps, rows.bounds(s), answer, mixes)
        return Mixed(answer, mixes)

    @property
    def _keeps(self) -> Bool[Tensor, "s m"]:
        """Whose answer is what it sent: computing it would still turn −0 into 0, and what is not finite into NaN."""
        size = self.matrix.shape[-1]
        nothing = torch.zeros(size, size) if self.what == "updates" else torch.eye(size)
        return ~(self.matrix != nothing.to(self.matrix.dtype)).any(dim=2)

    def widened(self, here: Tensor, count: int) -> "Mixing":
        """Return it among `count` participants: those who are not `here` neither hear nor are heard."""
        dense = self.matrix
        whole = torch.zeros(len(dense), count, count, dtype=dense.dtype)
        if self.what == "weights":
            whole += torch.eye(count, dtype=whole.dtype)
            whole[:, here] = 0
        whole[:, here[:, None], here] = dense
        return Mixing(self.what, whole)

    def listening(self, layout: Layout) -> Float[Tensor, "m m"]:
        """Return how much of participant j is in the answer to i: over segments the mean, weighted by their width."""
        matrix = self.matrix
        if len(matrix) == 1:
            mean = matrix[0]
        else:
            widths = [segment.stop - segment.start for segment in layout.segments]
            share = torch.tensor(widths, dtype=matrix.dtype) / layout.width
            mean = torch.einsum("s,sij->ij", share, matrix)
        return mean if self.what != "updates" else mean + torch.eye(len(mean), dtype=mean.dtype)
