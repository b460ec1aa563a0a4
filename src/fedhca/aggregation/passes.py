"""The two passes over rows that rules are made of: inner products, then mixes. Memory beyond the rows is bounded.

Those that sort each coordinate have a pass of their own, `trim`.

Rows may lie in memory, in a mapped file, or on an accelerator; they are walked in chunks of columns. Sums are taken in
float64 and chunk by chunk in order, so that they do not hang on how many threads share the work.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from fedhca.aggregation import anywhere
from fedhca.aggregation.anywhere import What
from fedhca.errors import FedhcaError
from fedhca.parameters import is_finite

CHUNK = 1 << 18
"""Columns that a thread, or an accelerator, takes at a time."""

Bounds = Sequence[tuple[int, int]]
"""Where each segment starts and stops."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Tables:
    """Where rows lie: what was received and what was sent, and at which places the m rows of interest are."""

    start: Float[Tensor, "n w"]
    end: Float[Tensor, "n w"]
    places: Int64[Tensor, " m"]

    def suit_loops(self, *others: Tensor) -> bool:
        """Whether machine code can read these rows, and others, where they lie."""
        kinds = (torch.float32, torch.float64)
        return all(
            each.device.type == "cpu" and each.dtype in kinds and each.is_contiguous()
            for each in (self.start, self.end, *others)
        )


def survey(
    tables: Tables, directions: Float[Tensor, "p w"], bounds: Bounds, *, centred: bool
) -> Float[Tensor, "s q q"]:
    """Return the Gram matrices, segment by segment, of the m updates followed by the p directions; q = m + p.

    With `centred`, of what was sent less its mean instead of the updates: distances and angles between participants
    are in it without the cancellation that large weights bring.
    """
    size = len(tables.places) + len(directions)
    if tables.suit_loops(directions):
        arrays = _arrays(tables.start, tables.end, tables.places, directions)
        chunk, threads = partial(_survey_in_loops, arrays, size, centred), torch.get_num_threads()
    else:
        chunk, threads = partial(_survey_in_tensors, tables, directions, centred), 1
    total = torch.zeros(len(bounds), size, size, dtype=torch.float64)
    for (segment, _, _), gram in _each(chunk, bounds, threads):
        total[segment] += gram
    upper = total.triu()
    return upper + upper.triu(1).mT


def _survey_in_loops(
    arrays: Sequence[np.ndarray], size: int, centred: bool, segment: int, first: int, last: int
) -> Tensor:
    padded = size + -size % 4
    gram = np.zeros((padded, padded))
    _compiled().survey(*arrays, centred, first, last, gram)
    return torch.from_numpy(gram)[:size, :size]


def _survey_in_tensors(
    tables: Tables, directions: Tensor, centred: bool, segment: int, first: int, last: int
) -> Tensor:
    here = slice(first, last)
    start, end = tables.start[:, here], tables.end[:, here]
    return anywhere.survey(start, end, tables.places, directions[:, here], centred=centred).cpu()


def blend(
    tables: Tables,
    what: What,
    own: Float[Tensor, "s m"],
    heard: Float[Tensor, "s p m"],
    shares: Float[Tensor, "s m p"],
    keeps: Bool[Tensor, "s m"],
    bounds: Bounds,
    into: Float[Tensor, "n w"],
    directions: Float[Tensor, "r w"],
) -> None:
    """Write every participant's answer to its place in `into`, and the first r mixes to `directions`; see `Mixing`.

    Who `keeps` is answered what it sent, bit for bit. `into` may be `tables.start` or `tables.end`.

    Raises:
        FedhcaError: a number that was written is not finite: it is beyond what the rows can hold.

    """
    written = (into, directions)
    if tables.suit_loops(*written):
        arrays = _arrays(tables.start, tables.end, tables.places)
        (weight, kept), parts = _arrays(own, keeps), _arrays(heard, shares)
        heard_tiles, share_tiles = ([_tiles(each) for each in part] for part in parts)
        mixes = [
            (weight[segment], *heard_tiles[segment], *share_tiles[segment], kept[segment])
            for segment in range(len(bounds))
        ]
        chunk: Any = partial(_blend_in_loops, arrays, what, mixes, _arrays(*written))
        threads = torch.get_num_threads()
    else:
        mix = [each.to(tables.end.device) for each in (own, heard, shares, keeps)]
        chunk, threads = partial(_blend_in_tensors, tables, what, mix, written), 1
    _require_finite(torch.tensor([zero for _, zero in _each(chunk, bounds, threads)]))


def _require_finite(told: Tensor) -> None:
    if not is_finite(told):
        raise FedhcaError("Mixed parameters should be finite. Found NaN or infinity.")


def _blend_in_loops(
    arrays: Sequence[np.ndarray],
    what: What,
    mixes: Sequence[tuple[np.ndarray, ...]],
    written: Sequence[np.ndarray],
    segment: int,
    first: int,
    last: int,
) -> float:
    loops = _compiled()
    return float(loops.blend(*arrays, loops.KINDS[what], *mixes[segment], *written, first, last))


def _blend_in_tensors(
    tables: Tables,
    what: What,
    mix: Sequence[Tensor],
    written: tuple[Tensor, Tensor],
    segment: int,
    first: int,
    last: int,
) -> Tensor:
    here = slice(first, last)
    moved = (tables.start[:, here], tables.end[:, here], tables.places)
    into, directions = (each[:, here] for each in written)
    return anywhere.blend(*moved, what, *(each[segment] for each in mix), into=into, directions=directions)


def trim(
    tables: Tables, cut: int, bounds: Bounds, into: Float[Tensor, "n w"], directions: Float[Tensor, "r w"]
) -> Float[Tensor, " m"]:
    """Write the trimmed mean of what was sent to all places in `into`, and to `directions`; see `Trimming`.

    Return each one's share of it. That is counted in whole numbers, so that it does not hang on how work is divided.

    Raises:
        FedhcaError: what was sent is not finite.

    """
    m, on_cpu = len(tables.places), tables.end.device.type == "cpu"
    size = max(256, min(4096, 32768 // m)) if on_cpu else CHUNK
    chunk = partial(_trim_in_tensors, tables, cut, size, (into, directions))
    total = torch.zeros(m, 2 * cut + 1, dtype=torch.float64)
    for _, counts in _each(chunk, bounds, torch.get_num_threads() if on_cpu else 1):
        total += counts
    _require_finite(total)
    return (total / torch.arange(m - 2 * cut, m + 1, dtype=torch.float64)).sum(1) / tables.end.shape[1]


def _trim_in_tensors(
    tables: Tables, cut: int, size: int, written: tuple[Tensor, Tensor], segment: int, first: int, last: int
) -> Tensor:
    counts = torch.zeros(len(tables.places), 2 * cut + 1, dtype=torch.float64, device=tables.end.device)
    for begin in range(first, last, size):
        here = slice(begin, min(begin + size, last))
        into, directions = (each[:, here] for each in written)
        counts += anywhere.trim(tables.end[:, here], tables.places, cut, into=into, directions=directions)
    return counts.cpu()


def scale(tables: Tables, factors: Float[Tensor, " m"], bounds: Bounds) -> None:
    """Write start + factor · (end − start) over what was sent, in one pass over these rows alone."""
    m = len(factors)
    nothing = torch.zeros(1, 0, m, dtype=torch.float64)
    own, keeps = factors.double()[None], torch.zeros(1, m, dtype=torch.bool)
    blend(tables, "steps", own, nothing, nothing.mT, keeps, bounds, tables.end, tables.end[:0])


def _compiled() -> Any:
    """Load the loops when they are needed: a compiler comes with them."""
    from fedhca.aggregation import loops  # noqa: PLC0415

    return loops


def _each(
    chunk: Callable[[int, int, int], Result], bounds: Bounds, threads: int
) -> Iterator[tuple[tuple[int, int, int], Result]]:
    """Do something with every chunk (segment, first column, last column), and yield the results in order."""
    work = [
        (segment, first, min(first + CHUNK, stop))
        for segment, (start, stop) in enumerate(bounds)
        for first in range(start, stop, CHUNK)
    ]
    if len(work) < 2 or threads < 2:
        yield from ((where, chunk(*where)) for where in work)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from zip(work, pool.map(lambda where: chunk(*where), work), strict=True)


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    """Return the same memory as arrays."""
    return [each.detach().numpy() for each in tensors]


def _tiles(matrix: Float[np.ndarray, "i j"]) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix padded to multiples of 4, and where its tiles of 4 × 4 are not all zero."""
    i, j = (size + -size % 4 for size in matrix.shape)
    padded = np.zeros((i, j))
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    return padded, np.argwhere(padded.reshape(i // 4, 4, j // 4, 4).any(axis=(1, 3)))
