"""Thinning: lines of any width become lines one pixel wide, and stay connected.

A pixel with the neighbours x1 … x8 (right, then counter-clockwise; nothing outside the map) goes if

    G1  exactly one i in 1 … 4 has x_{2i−1} = 0 and (x_{2i} = 1 or x_{2i+1} = 1): the line does not break
    G2  2 ≤ min(n1, n2) ≤ 3 for n1 = Σ x_{2i−1} ∨ x_{2i} and n2 = Σ x_{2i} ∨ x_{2i+1}: it is no end of a line
    G3  (x2 ∨ x3 ∨ ¬x8) ∧ x1 = 0 in even steps, (x6 ∨ x7 ∨ ¬x4) ∧ x5 = 0 in odd ones: from two sides in turn

all pixels of a step at once, until no pixel goes (Lam, Lee and Suen 1992; MATLAB's `bwmorph(map, 'thin', inf)` and
scikit-image's `thin` answer the same).

The conditions are logic alone, and a machine word holds 64 truth values: the maps of up to 64 thresholds lie in one
word per pixel and are thinned at the same time. A pixel is looked at again only after a neighbour went.
"""

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from fedhca.compiled import compiled

WORD = 64
"""Maps that are thinned at the same time: the bits of a machine word."""


def thin(lines: Bool[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    """Return a map with its lines thinned to one pixel.

    >>> thin(np.ones((3, 5), bool)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    return thin_packed(lines.astype(np.uint64)) != 0


def thin_packed(maps: UInt64[np.ndarray, "y x"]) -> UInt64[np.ndarray, "y x"]:
    """Thin 64 maps at once, each of which is one bit of every pixel's word."""
    framed = np.pad(np.ascontiguousarray(maps), 1)
    _thin(framed.reshape(-1), framed.shape[1])
    return framed[1:-1, 1:-1]


@compiled
def _thin(words: UInt64[np.ndarray, " pixels"], width: int) -> None:
    """Take pixels away in place, step by step; `width` is that of the map with its frame of zeros."""
    asked = np.flatnonzero(words)
    gone, before = asked[:0], asked[:0]
    marks = np.zeros(len(words), np.int32)
    step = 0
    while len(asked):
        gone, before = _step(words, width, asked, step % 2), gone
        step += 1
        if step > 1:  # the first step of either kind looks at all pixels
            asked = _set_neighbours(words, width, gone, before, marks, step)


@compiled
def _step(
    words: UInt64[np.ndarray, " pixels"], width: int, asked: Int64[np.ndarray, " n"], odd: int
) -> Int64[np.ndarray, " m"]:
    gone, bits = np.empty_like(asked), np.empty(len(asked), np.uint64)
    count = 0
    for pixel in asked:
        going = words[pixel] & _may_go(words, width, pixel, odd)
        if going:
            gone[count], bits[count] = pixel, going
            count += 1
    for i in range(count):
        words[gone[i]] &= ~bits[i]
    return gone[:count]


@compiled
def _may_go(words: UInt64[np.ndarray, " pixels"], width: int, pixel: int, odd: int) -> np.uint64:
    """Return G1 ∧ G2 ∧ G3 of a pixel, in all maps at once."""
    x1, x5 = words[pixel + 1], words[pixel - 1]
    x2, x3, x4 = words[pixel - width + 1], words[pixel - width], words[pixel - width - 1]
    x6, x7, x8 = words[pixel + width - 1], words[pixel + width], words[pixel + width + 1]
    blocked = (x6 | x7 | ~x4) & x5 if odd else (x2 | x3 | ~x8) & x1
    b1, b2, b3, b4 = ~x1 & (x2 | x3), ~x3 & (x4 | x5), ~x5 & (x6 | x7), ~x7 & (x8 | x1)
    one_crossing = ((b1 ^ b2) & ~(b3 | b4)) | ((b3 ^ b4) & ~(b1 | b2))
    two_1, four_1 = _two_and_four(x1 | x2, x3 | x4, x5 | x6, x7 | x8)
    two_2, four_2 = _two_and_four(x2 | x3, x4 | x5, x6 | x7, x8 | x1)
    return one_crossing & two_1 & two_2 & ~(four_1 & four_2) & ~blocked


@compiled
def _two_and_four(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return where at least two of the four are set, and where all are."""
    return (a & b) | (c & d) | ((a | b) & (c | d)), a & b & c & d


@compiled
def _set_neighbours(
    words: UInt64[np.ndarray, " pixels"],
    width: int,
    gone: Int64[np.ndarray, " n"],
    before: Int64[np.ndarray, " m"],
    marks: Int64[np.ndarray, " pixels"],
    mark: int,
) -> Int64[np.ndarray, " k"]:
    """Return the pixels left beside one that went in this step or the one before: all whose answer may be another."""
    found = np.empty(8 * (len(gone) + len(before)), np.int64)
    count = 0
    for centres in (gone, before):
        for centre in centres:
            for row in (-width, 0, width):
                for near in range(centre + row - 1, centre + row + 2):
                    if words[near] and marks[near] != mark:
                        marks[near] = mark
                        found[count] = near
                        count += 1
    return found[:count]
