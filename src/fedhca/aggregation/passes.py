"""The two passes over rows that rules are made of: inner products, then mixes. Memory beyond the rows is bounded.

Those that sort each coordinate have a pass of their own, `trim`.

Rows may lie in memory, in a mapped file, or on an accelerator; they are walked in chunks of columns. Sums are taken in
float64 and chunk by chunk in order, so that they do not hang on how many threads share the work.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from fedhca.aggregation import torch_backend
from fedhca.aggregation.torch_backend import What
from fedhca.errors import FedhcaError
from fedhca.wire.parameters import is_finite

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


def gram(tables: Tables, directions: Float[Tensor, "p w"], bounds: Bounds, *, centred: bool) -> Float[Tensor, "s q q"]:
    """Return the Gram matrices, segment by segment, of the m updates followed by the p directions; q = m + p.

    With `centred`, of what was sent less its mean instead of the updates: distances and angles between participants
    are in it without the cancellation that large weights bring.
    """
    size, threads = len(tables.places) + len(directions), 1
    if tables.suit_loops(directions):
        arrays, threads = _arrays(tables.start, tables.end, tables.places, directions), torch.get_num_threads()

        def chunk(segment: int, first: int, last: int) -> Tensor:
            del segment
            gram = np.zeros((size + -size % 4, size + -size % 4))
            _compiled().add_gram(*arrays, centred, first, last, gram)
            return torch.from_numpy(gram)[:size, :size]
    else:

        def chunk(segment: int, first: int, last: int) -> Tensor:
            del segment
            start, end, along = (each[:, first:last] for each in (tables.start, tables.end, directions))
            return torch_backend.chunk_gram(start, end, tables.places, along, centred=centred).cpu()

    total = torch.zeros(len(bounds), size, size, dtype=torch.float64)
    for (segment, _, _), gram in _each(chunk, bounds, threads):
        total[segment] += gram
    upper = total.triu()
    return upper + upper.triu(1).mT


def combine(
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
    written, threads = (into, directions), 1
    if tables.suit_loops(*written):
        arrays, places = _arrays(tables.start, tables.end, tables.places), _arrays(*written)
        (weight, kept), parts = _arrays(own, keeps), _arrays(heard, shares)
        heard_tiles, share_tiles = ([_tiles(each) for each in part] for part in parts)
        kernels, threads = _compiled(), torch.get_num_threads()

        def chunk(segment: int, first: int, last: int) -> Tensor | float:
            mix = (weight[segment], *heard_tiles[segment], *share_tiles[segment], kept[segment])
            return float(kernels.combine_columns(*arrays, kernels.KINDS[what], *mix, *places, first, last))
    else:
        mix = [each.to(tables.end.device) for each in (own, heard, shares, keeps)]

        def chunk(segment: int, first: int, last: int) -> Tensor | float:
            start, end, answer, mixes = (each[:, first:last] for each in (tables.start, tables.end, *written))
            chosen = (each[segment] for each in mix)
            return torch_backend.combine_chunk(start, end, tables.places, what, *chosen, into=answer, directions=mixes)

    _require_finite(torch.tensor([zero for _, zero in _each(chunk, bounds, threads)]))


def _require_finite(told: Tensor) -> None:
    if not is_finite(told):
        raise FedhcaError("Mixed parameters should be finite. Found NaN or infinity.")


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

    def chunk(segment: int, first: int, last: int) -> Tensor:
        del segment
        counts = torch.zeros(m, 2 * cut + 1, dtype=torch.float64, device=tables.end.device)
        for begin in range(first, last, size):
            end, answer, mixes = (each[:, begin : min(begin + size, last)] for each in (tables.end, into, directions))
            counts += torch_backend.trim_chunk(end, tables.places, cut, into=answer, directions=mixes)
        return counts.cpu()

    total = torch.zeros(m, 2 * cut + 1, dtype=torch.float64)
    for _, counts in _each(chunk, bounds, torch.get_num_threads() if on_cpu else 1):
        total += counts
    _require_finite(total)
    return (total / torch.arange(m - 2 * cut, m + 1, dtype=torch.float64)).sum(1) / tables.end.shape[1]


def scale(tables: Tables, factors: Float[Tensor, " m"], bounds: Bounds) -> None:
    """Write start + factor · (end − start) over what was sent, in one pass over these rows alone."""
    m = len(factors)
    nothing = torch.zeros(1, 0, m, dtype=torch.float64)
    own, keeps = factors.double()[None], torch.zeros(1, m, dtype=torch.bool)
    combine(tables, "steps", own, nothing, nothing.mT, keeps, bounds, tables.end, tables.end[:0])


def _compiled() -> Any:
    """Load the loops when they are needed: a compiler comes with them."""
    from fedhca.aggregation import kernels  # noqa: PLC0415 - a compiler comes with it

    return kernels


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
