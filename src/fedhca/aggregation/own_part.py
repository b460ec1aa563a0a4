"""How much of (17) is a participant hearing itself: the direction it was handed contains its own last update."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fedhca.aggregation.hyper_weights import HyperOptions
from fedhca.aggregation.rows import Rows
from fedhca.wire.layout import Layout

OWN = "own"
"""The name in a state of each participant's own part of the direction it was handed, at some columns."""

COLUMNS = 1 << 12
"""For each hyper weight at most so many columns are kept, as all of them would be another table of rows."""

NOTES = {"product": 1, "own_product": 1}
"""What is noted of (17), with a number for each participant."""

Stretches = Sequence[int]
"""For each segment of a row the number of its hyper weight: 0 for all where there is one, else its layer."""


def own_direction(rows: Rows, weights: Float[Tensor, "m s"], stretches: Stretches) -> Float[Tensor, "m q"]:
    """Return each participant's own part of its direction, weight · Δ, at q columns.

    Args:
        rows: of this round.
        weights: of a participant's own update in its direction, for each of s segments; s = 1 is the whole row.
        stretches: see there.

    """
    columns, segments = _columns(rows.layout, stretches)
    each = weights.expand(len(weights), len(stretches))[:, segments]
    return (each * _updates(rows, columns)).to(rows.end.dtype)


def product_notes(
    state: Mapping[str, Tensor],
    rows: Rows,
    product: Float[Tensor, "m *l"],
    norms: Float[Tensor, "m *l"],
    stretches: Stretches,
    hyper: HyperOptions,
) -> dict[str, Tensor]:
    """Return what (17) learns from, and the part of it that is a participant's own, as NOTES.

    NaN for one that was away, as it learns nothing. No notes where the state is older than they are.

    Args:
        state: of last round.
        rows: of this round.
        product: ⟨direction of last round, progress of this round⟩.
        norms: the product of both lengths.
        stretches: see there.
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


def _own_product(own: Float[Tensor, "m q"], rows: Rows, stretches: Stretches, count: int) -> Float[Tensor, "m {count}"]:
    """Return ⟨own part of last round's direction, Δ⟩ for each hyper weight.

    Where columns are left out it is an estimate: the sum over those kept, times the stretch's width over their number.
    """
    columns, segments = _columns(rows.layout, stretches)
    groups = torch.tensor(stretches, dtype=torch.int64)
    terms = own.double() * _updates(rows, columns)
    sums = terms.new_zeros(len(terms), count).index_add_(1, groups[segments], terms)
    whole = sums.new_zeros(count).index_add_(0, groups, _widths(rows.layout).double())
    return sums * whole / torch.bincount(groups[segments], minlength=count)


def _columns(layout: Layout, stretches: Stretches) -> tuple[Int64[Tensor, " q"], Int64[Tensor, " q"]]:
    """Return the columns that are kept, spread evenly over each stretch, and the segment of each."""
    widths, groups = _widths(layout), torch.tensor(stretches, dtype=torch.int64)
    starts = widths.cumsum(0) - widths
    columns, segments = [starts[:0]], [starts[:0]]  # of a row without parameters there is none
    for number in groups.unique():
        mine = (groups == number).nonzero()[:, 0]
        ends = widths[mine].cumsum(0)
        count = min(int(ends[-1]), COLUMNS)
        places = torch.arange(count) * ends[-1] // count  # along the segments of this stretch, end to end
        which = torch.bucketize(places, ends, right=True)
        segments.append(mine[which])
        columns.append(starts[mine[which]] + places - (ends - widths[mine])[which])
    return torch.cat(columns), torch.cat(segments)


def _widths(layout: Layout) -> Int64[Tensor, " s"]:
    return torch.tensor([segment.stop - segment.start for segment in layout.segments], dtype=torch.int64)


def _updates(rows: Rows, columns: Int64[Tensor, " q"]) -> Float[Tensor, "m q"]:
    places, columns = rows.tables.places[:, None], columns.to(rows.end.device)
    return (rows.end[places, columns].double() - rows.start[places, columns].double()).cpu()
