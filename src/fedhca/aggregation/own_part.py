"""How much of (17) is a participant hearing itself: the direction it was handed contains its own last update."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fedhca.aggregation.hyper_weights import HyperOptions
from fedhca.aggregation.rows import Rows

OWN = "own"
"""The name in a state of each participant's own part of the direction it was handed, at some columns."""

COLUMNS = 1 << 12
"""At most so many columns are kept, as all of them would be another table of rows: sums over rounds tell enough."""

NOTES = {"product": 1, "own_product": 1}
"""What is noted of (17), with a number for each participant."""


def own_direction(rows: Rows, weights: Float[Tensor, "m s"]) -> Float[Tensor, "m q"]:
    """Return each participant's own part of its direction, weight · Δ, at q columns spread evenly over the row.

    Args:
        rows: of this round.
        weights: of a participant's own update in its direction, for each of s segments; s = 1 is the whole row.

    """
    columns = _columns(rows)
    each = weights.expand(len(weights), len(rows.layout.segments))[:, _segments(rows, columns)]
    return (each * _updates(rows, columns)).to(rows.end.dtype)


def product_notes(
    state: Mapping[str, Tensor],
    rows: Rows,
    product: Float[Tensor, "m *l"],
    norms: Float[Tensor, "m *l"],
    stretches: Sequence[int],
    hyper: HyperOptions,
) -> dict[str, Tensor]:
    """Return what (17) learns from, and the part of it that is a participant's own, as NOTES.

    NaN for one that was away, as it learns nothing. No notes where the state is older than they are.

    Args:
        state: of last round.
        rows: of this round.
        product: ⟨direction of last round, progress of this round⟩.
        norms: the product of both lengths.
        stretches: for each segment the place of its hyper weight among the l of a participant.
        hyper: says whether the notes are over the lengths.

    """
    if OWN not in state:
        return {}
    own = _own_product(state[OWN], rows, stretches, product[0].numel()).reshape(product.shape)
    found = dict(zip(NOTES, (hyper.scaled(each, norms) for each in (product, own)), strict=True))
    if rows.fresh is None:
        return found
    fresh = rows.fresh.reshape(-1, *[1] * (product.ndim - 1))
    return {name: torch.where(fresh, each, math.nan) for name, each in found.items()}


def _own_product(
    own: Float[Tensor, "m q"], rows: Rows, stretches: Sequence[int], count: int
) -> Float[Tensor, "m {count}"]:
    """Return ⟨own part of last round's direction, Δ⟩ of each of `count` stretches of the row.

    Where columns are left out it is an estimate: the sum over those kept, times the stretch's width over their number.
    NaN where none is kept.
    """
    columns, groups = _columns(rows), torch.tensor(stretches, dtype=torch.int64)
    stretch = groups[_segments(rows, columns)]
    widths = torch.tensor([float(segment.stop - segment.start) for segment in rows.layout.segments])
    whole = torch.zeros(count).index_add_(0, groups, widths)
    kept = torch.bincount(stretch, minlength=count)
    terms = own.double() * _updates(rows, columns)
    sums = terms.new_zeros(len(terms), count).index_add_(1, stretch, terms)
    return torch.where(kept > 0, sums * whole / kept, math.nan)


def _columns(rows: Rows) -> Int64[Tensor, " q"]:
    count = min(rows.layout.width, COLUMNS)
    return torch.arange(count) * rows.layout.width // max(count, 1)


def _segments(rows: Rows, columns: Int64[Tensor, " q"]) -> Int64[Tensor, " q"]:
    """Return which segment each column is of."""
    return torch.bucketize(columns, torch.tensor([segment.stop for segment in rows.layout.segments]), right=True)


def _updates(rows: Rows, columns: Int64[Tensor, " q"]) -> Float[Tensor, "m q"]:
    places, columns = rows.tables.places[:, None], columns.to(rows.end.device)
    return (rows.end[places, columns].double() - rows.start[places, columns].double()).cpu()
