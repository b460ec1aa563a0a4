"""Not every rule is one matrix: in each coordinate others may be the least and the greatest, and are left out."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.mixing import Mixed, answer_others
from fedhca.aggregation.passes import trim
from fedhca.aggregation.rows import Rows
from fedhca.storage.tables import new_like
from fedhca.wire.layout import Layout


@dataclass(frozen=True)
class Trimming:
    """One answer for all: in each coordinate the mean of what was sent, but for the k least and the k greatest.

        answer_c = 1/(m − 2k) Σ_{k < r ≤ m−k} w_(r)c,     w_(1)c ≤ … ≤ w_(m)c what was sent, in order

    It stands where a `Mixing` does. Whose numbers are averaged is another matter in each coordinate, so that no matrix
    makes the answer; `matrix` says how often each was among them.

    Attributes:
        cut: k, less than half of the participants.
        heard: what share of the answer each is, which is known when the rows have been trimmed: the mean over
            coordinates of 1/t, for each of the t whose numbers lie from the least to the greatest that are averaged.
        present: whom it is about; who is absent is answered its start. All if not given.

    """

    cut: int
    heard: Float[Tensor, "1 1 p"] | None = None
    present: Bool[Tensor, " m"] | None = None

    what: ClassVar[Literal["weights"]] = "weights"

    def of(self, rows: Rows, into: Float[Tensor, "n w"] | None = None, *, first: int = 0) -> Mixed:
        """Trim the rows in one pass; arguments as in `Mixing.of`. The first of the mixes is the answer."""
        chosen = rows if self.present is None else rows.among(self.present.nonzero()[:, 0])
        answer = new_like(rows.end) if into is None else into
        answer_others(chosen, answer)
        mixes = new_like(rows.end, (first, rows.layout.width))
        heard = trim(chosen.tables, self.cut, chosen.bounds(1), answer, mixes)
        return Mixed(answer, mixes, heard[None, None])

    @property
    def matrix(self) -> Float[Tensor, "1 m m"]:
        """How large a share of the answer to i participant j is; see `heard`."""
        if self.heard is None:
            raise ValueError("Who is averaged is known when the rows have been trimmed. Take the mixing of the answer.")
        size = self.heard.shape[-1]
        if self.present is None:
            return self.heard.expand(1, size, size)
        whole = torch.eye(len(self.present), dtype=self.heard.dtype)
        here = self.present.nonzero()[:, 0]
        whole[here[:, None], here] = self.heard[0]
        return whole[None]

    def widened(self, here: Tensor, count: int) -> "Trimming":
        """Return it among `count` participants, of whom those `here` are present."""
        present = torch.zeros(count, dtype=torch.bool)
        present[here] = True
        return replace(self, present=present)

    def listening(self, layout: Layout) -> Float[Tensor, "m m"]:
        """Return how much of participant j is in the answer to i."""
        return self.matrix[0]
