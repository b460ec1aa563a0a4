"""The passes in torch's own operations: for rows on an accelerator, or of a kind that `loops` cannot read."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

What = Literal["weights", "updates", "steps"]


def chunk_gram(
    start: Float[Tensor, "n x"],
    end: Float[Tensor, "n x"],
    places: Int64[Tensor, " m"],
    directions: Float[Tensor, "p x"],
    *,
    centred: bool,
) -> Float[Tensor, "q q"]:
    """Return the inner products of a chunk's columns; see `passes.gram`."""
    sent = end[places].double()
    values = sent - (sent.mean(0) if centred else start[places].double())
    every = torch.cat([values, directions.double()])
    return every @ every.T


def combine_chunk(
    start: Float[Tensor, "n x"],
    end: Float[Tensor, "n x"],
    places: Int64[Tensor, " m"],
    what: What,
    own: Float[Tensor, " m"],
    heard: Float[Tensor, "p m"],
    shares: Float[Tensor, "m p"],
    keeps: Bool[Tensor, " m"],
    *,
    into: Float[Tensor, "n x"],
    directions: Float[Tensor, "r x"],
) -> Float[Tensor, ""]:
    """Write the answers of a chunk's columns; return 0, or NaN where one is not finite; see `passes.combine`."""
    sent, received = end[places].double(), start[places].double()
    values = sent if what == "weights" else sent - received
    mixes = heard @ values
    base = {"weights": torch.zeros_like(sent), "updates": sent, "steps": received}[what]
    mixed = base + own[:, None] * values + shares @ mixes
    directions[:] = mixes[: len(directions)]
    answer = torch.where(keeps[:, None], sent, mixed).to(into.dtype)
    into[places] = answer
    return (0 * answer).sum() + (0 * directions).sum()


def trim_chunk(
    end: Float[Tensor, "n x"],
    places: Int64[Tensor, " m"],
    cut: int,
    *,
    into: Float[Tensor, "n x"],
    directions: Float[Tensor, "r x"],
) -> Float64[Tensor, "m t"]:
    """Write the trimmed mean of a chunk's columns; return in how many each one was among so many; see `passes.trim`.

    All counts are NaN where a number that was sent is not finite.

    Sums are taken row by row, so that neither the number of columns nor that of threads changes a bit; that they are
    put back between the numbers they are of makes the mean of equal numbers that number.
    """
    sent = end[places]
    ordered = sent.sort(dim=0).values
    kept = ordered[cut : len(places) - cut]
    total = kept[0].double()
    for each in kept[1:]:
        total = total + each
    answer = (total / len(kept)).to(into.dtype).clamp(kept[0], kept[-1])
    within = (sent >= kept[0]) & (sent <= kept[-1])
    among = torch.arange(len(kept), len(places) + 1, device=end.device)[:, None] == within.sum(0)
    into[places] = answer
    directions[:] = answer
    ends = ordered[[0, -1]]  # a NaN is the last
    return (within.float() @ among.float().T).double() + (0 * ends).sum()
