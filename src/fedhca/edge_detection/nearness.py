"""Nearness: which pixels of two maps may be paired, as a graph with the lengths of its edges."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64

from fedhca.compiled import compiled

NOBODY = -1


class NearPairs(NamedTuple):
    """Pixel i is near to those of the other map in near[starts[i] : starts[i + 1]]; length in hundredths of a pixel."""

    starts: Int64[np.ndarray, " pixels+1"]
    near: Int32[np.ndarray, " edges"]
    length: Int32[np.ndarray, " edges"]


def graphs(
    places: Int64[np.ndarray, " n"], truth: Bool[np.ndarray, "y x"], max_dist: float
) -> tuple[Int64[np.ndarray, " m"], NearPairs, NearPairs]:
    """Find the pixels near to each other.

    Args:
        places: flat indices of predicted pixels.
        truth: the true pixels.
        max_dist: greatest distance, included, as a share of the diagonal.

    Returns:
        which of `places` are near to any true pixel (of a soft map, few are); the graph of these; and the same graph
        seen from the true pixels.

    """
    numbers = np.full(truth.shape, NOBODY, np.int32)
    numbers.reshape(-1)[places] = np.arange(len(places), dtype=np.int32)
    # Looked for from the true pixels, as these are fewer.
    starts, near, length = _near(np.flatnonzero(truth), numbers, *_offsets(max_dist * np.hypot(*truth.shape)))
    reached = np.zeros(len(places), bool)
    reached[near] = True
    busy = np.flatnonzero(reached)
    true = NearPairs(starts, (np.cumsum(reached, dtype=np.int32) - 1)[near], length)
    return busy, NearPairs(*_reversed(*true, len(busy))), true


def _offsets(reach: float) -> tuple[Int64[np.ndarray, "k 2"], Int32[np.ndarray, " k"]]:
    """Return the offsets (down, right) of at most this length in pixels, and their lengths in hundredths."""
    most = int(reach) + 1
    offsets = np.mgrid[-most : most + 1, -most : most + 1].reshape(2, -1).T
    squares = (offsets**2).sum(1)
    within = squares <= reach**2
    return np.ascontiguousarray(offsets[within]), np.rint(100 * np.sqrt(squares[within])).astype(np.int32)


@compiled
def _near(
    places: Int64[np.ndarray, " n"],
    numbers: Int32[np.ndarray, "y x"],
    offsets: Int64[np.ndarray, "k 2"],
    lengths: Int32[np.ndarray, " k"],
) -> tuple[Int64[np.ndarray, " n+1"], Int32[np.ndarray, " edges"], Int32[np.ndarray, " edges"]]:
    """Return the graph from pixels at `places` to those that have numbers."""
    height, width = numbers.shape
    starts = np.zeros(len(places) + 1, np.int64)
    near, length = np.empty(16 * len(places), np.int32), np.empty(16 * len(places), np.int32)
    count = 0
    for i in range(len(places)):
        y, x = places[i] // width, places[i] % width
        if count + len(offsets) > len(near):
            more = np.empty(len(near) + len(offsets), np.int32)
            near, length = np.concatenate((near, more)), np.concatenate((length, more))
        for k in range(len(offsets)):
            down, right = y + offsets[k, 0], x + offsets[k, 1]
            if 0 <= down < height and 0 <= right < width and numbers[down, right] != NOBODY:
                near[count], length[count] = numbers[down, right], lengths[k]
                count += 1
        starts[i + 1] = count
    return starts, near[:count].copy(), length[:count].copy()


@compiled
def _reversed(
    starts: Int64[np.ndarray, " n+1"],
    near: Int32[np.ndarray, " edges"],
    length: Int32[np.ndarray, " edges"],
    pixels: int,
) -> tuple[Int64[np.ndarray, " m+1"], Int32[np.ndarray, " edges"], Int32[np.ndarray, " edges"]]:
    """Return the same graph seen from the other map, which has so many pixels."""
    ends = np.zeros(pixels + 1, np.int64)
    for other in near:
        ends[other + 1] += 1
    ends = np.cumsum(ends)
    filled, back, same = ends[:-1].copy(), np.empty_like(near), np.empty_like(length)
    for i in range(len(starts) - 1):
        for edge in range(starts[i], starts[i + 1]):
            place = filled[near[edge]]
            back[place], same[place] = i, length[edge]
            filled[near[edge]] += 1
    return ends, back, same
