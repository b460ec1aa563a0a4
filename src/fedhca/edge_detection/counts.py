"""Counts of one picture: how many pixels are paired, and how many there are, at every threshold."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8, UInt64

from fedhca.edge_detection.matching import match_series
from fedhca.edge_detection.scores import THRESHOLDS
from fedhca.edge_detection.thinning import WORD, thin_packed


def count(
    edge_map: UInt8[np.ndarray, "y x"],
    truths: Sequence[Bool[np.ndarray, "y x"]],
    max_dist: float = 0.0075,
    thresholds: Float64[np.ndarray, " t"] = THRESHOLDS,
) -> Int64[np.ndarray, "t 4"]:
    """Return [cntR, sumR, cntP, sumP] of one picture at every threshold, in whole pixels.

    The prediction is `edge_map / 255 ≥ threshold`, thinned. sumP counts its pixels, sumR those of the truth; cntR and
    cntP count the pixels on either side that the matching pairs. With several annotators sumR and cntR add up over
    them, while a predicted pixel counts once in cntP if any of them confirms it.

    Args:
        edge_map: probability · 255, as a rule after `suppress`.
        truths: boundaries one pixel wide, of one annotator or of several.
        max_dist: greatest distance of a pair, as a share of the diagonal.
        thresholds: ascending, in (0, 1].

    """
    places, members = _thinned(edge_map, thresholds)
    found, confirmed = np.zeros(len(thresholds), np.int64), np.zeros_like(members)
    for truth in truths:
        # What one annotator confirms is a number; which pixels they are matters where others confirm some as well.
        paired = match_series(places, members, truth, max_dist, shortest=len(truths) > 1)
        found += np.count_nonzero(paired, axis=1)
        confirmed |= paired
    true = np.full_like(found, sum(np.count_nonzero(truth) for truth in truths))
    return np.stack([found, true, np.count_nonzero(confirmed, axis=1), np.count_nonzero(members, axis=1)], axis=-1)


def _thinned(
    edge_map: UInt8[np.ndarray, "y x"], thresholds: Float64[np.ndarray, " t"]
) -> tuple[Int64[np.ndarray, " n"], Bool[np.ndarray, "t n"]]:
    """Return the flat indices of all pixels that are left at any threshold, and at which they are."""
    blocks = [thresholds[start : start + WORD] for start in range(0, len(thresholds), WORD)]
    words = [thin_packed(_packed(block)[edge_map]).reshape(-1) for block in blocks]
    places = np.flatnonzero(np.bitwise_or.reduce(words))
    members = [_unpacked(word[places], len(block)) for word, block in zip(words, blocks, strict=True)]
    return places, np.concatenate(members)


def _packed(thresholds: Float64[np.ndarray, " t"]) -> UInt64[np.ndarray, "256"]:
    """Return for each 8-bit value the word whose bit k says whether it reaches threshold k."""
    reached = np.arange(256)[:, None] / 255 >= thresholds
    return (reached << np.arange(len(thresholds), dtype=np.uint64)).sum(1, dtype=np.uint64)


def _unpacked(words: UInt64[np.ndarray, " n"], bits: int) -> Bool[np.ndarray, "t n"]:
    octets = words.astype("<u8").view(np.uint8).reshape(-1, WORD // 8)
    return np.ascontiguousarray(np.unpackbits(octets, axis=1, count=bits, bitorder="little").T.view(bool))
