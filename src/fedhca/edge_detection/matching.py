"""Matching: how many pixels of one edge map can be paired, one to one, with near enough pixels of another.

A pair may be at most `max_dist` · √(height² + width²) apart, that distance included. Wanted is the greatest number of
pairs, and among all ways to that number, where it matters, the one of the least total distance. The reference program
looks for the same with random outliers and misses a few pairs; here it is solved exactly, as an assignment problem.

Let a pair of u and v be worth g_uv = W − length_uv, with W above any sum of lengths. Prices p ≥ 0 with

    p_u + p_v ≥ g_uv,   = g_uv where u and v are a pair,   p = 0 where a pixel is alone

prove a matching to be the best (duality of linear programmes). A series of maps, each nearly the one before, is matched
in one walk that keeps pairs and prices: a pixel that comes is given the least price that fits, and the partner of a
pixel that went is alone at the price it had. Either may break the last condition at that one pixel, and one search for
the cheapest alternating path from it, by p_u + p_v − g_uv, mends it (Kuhn's method, Dijkstra's search).
"""

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64

from fedhca.compiled import compiled
from fedhca.edge_detection.nearness import NearPairs, graphs

NONE = -1
"""The partner of a pixel that is alone."""
WORTH = 1 << 40
"""W, in hundredths of a pixel."""
FAR = 1 << 60


class Side(NamedTuple):
    """The pixels of one map, what is near to them on the other side, and how they are paired."""

    starts: Int64[np.ndarray, " pixels+1"]
    near: Int32[np.ndarray, " edges"]
    length: Int32[np.ndarray, " edges"]
    present: Bool[np.ndarray, " pixels"]
    partner: Int32[np.ndarray, " pixels"]
    price: Int64[np.ndarray, " pixels"]
    distance: Int64[np.ndarray, " pixels"]
    """Of the search, FAR between searches."""
    origin: Int32[np.ndarray, " pixels"]
    """From which pixel of the other side the search came."""
    touched: Int32[np.ndarray, " pixels"]
    """The pixels that the search came to."""


def match(prediction: Bool[np.ndarray, "y x"], truth: Bool[np.ndarray, "y x"], max_dist: float = 0.0075) -> int:
    """Return the greatest number of pairs of a predicted and a true pixel.

    >>> line = np.eye(200, dtype=bool)
    >>> match(line, np.roll(line, 1, axis=0))  # all but the pixel that came back in on the other side
    199
    """
    places = np.flatnonzero(prediction)
    return int(match_series(places, np.ones((1, len(places)), bool), truth, max_dist, shortest=False).sum())


def match_series(
    places: Int64[np.ndarray, " n"],
    members: Bool[np.ndarray, "maps n"],
    truth: Bool[np.ndarray, "y x"],
    max_dist: float,
    *,
    shortest: bool,
) -> Bool[np.ndarray, "maps n"]:
    """Match a series of maps with one truth, the last map first.

    Args:
        places: flat indices of the pixels that are in any of the maps.
        members: which of them are in each map.
        truth: the true pixels.
        max_dist: greatest distance of a pair, as a share of the diagonal.
        shortest: whether it matters which of the greatest matchings it is. If not, all pairs count as equally long,
            which is faster.

    Returns:
        which pixels of each map are paired.

    """
    busy, here, there = graphs(places, truth, max_dist)
    paired = np.zeros_like(members)
    paired[:, busy] = _walk(
        members[:, busy], _side(here, shortest, present=False), _side(there, shortest, present=True)
    )
    return paired


def _side(graph: NearPairs, shortest: bool, *, present: bool) -> Side:
    """Return pixels that are all alone."""
    pixels = len(graph.starts) - 1
    partner, origin, touched = (np.full(pixels, NONE, np.int32) for _ in range(3))
    price, distance = np.zeros(pixels, np.int64), np.full(pixels, FAR, np.int64)
    length = graph.length if shortest else np.zeros_like(graph.length)
    present_pixels = np.full(pixels, present)
    return Side(graph.starts, graph.near, length, present_pixels, partner, price, distance, origin, touched)


@compiled
def _walk(members: Bool[np.ndarray, "maps n"], predicted: Side, true: Side) -> Bool[np.ndarray, "maps n"]:
    paired = np.zeros(members.shape, np.bool_)
    for k in range(len(members) - 1, -1, -1):
        for pixel in range(len(members[k])):
            if predicted.present[pixel] and not members[k, pixel]:
                _take_away(pixel, predicted, true)
        for pixel in range(len(members[k])):
            if members[k, pixel] and not predicted.present[pixel]:
                _add(pixel, predicted, true)
        for pixel in true.partner:
            if pixel != NONE:
                paired[k, pixel] = True
    return paired


@compiled
def _add(pixel: int, here: Side, there: Side) -> None:
    """Bring a pixel in, at the least price that fits: there may be a partner for it."""
    here.present[pixel] = True
    price = 0
    for edge in range(here.starts[pixel], here.starts[pixel + 1]):
        price = max(price, WORTH - here.length[edge] - there.price[here.near[edge]])
    here.price[pixel] = price
    _settle(pixel, here, there)


@compiled
def _take_away(pixel: int, here: Side, there: Side) -> None:
    """Take a pixel out: there may be another partner for the one it had."""
    here.present[pixel] = False
    other = here.partner[pixel]
    if other != NONE:
        here.partner[pixel] = there.partner[other] = NONE
        _settle(other, there, here)


@compiled
def _settle(root: int, here: Side, there: Side) -> None:
    """Pair a pixel that is alone, or lower its price to 0.

    The cheapest path from it ends at a pixel of the other side that is alone, or at one of this side that had better be
    left alone, at the cost of its price; the root itself is the first of these.
    """
    best, last, left_alone = here.price[root], NONE, root
    if best == 0:
        return
    pixel, distance, touched = root, 0, 0
    heap = [(best, -touched, here.near[0])]  # a list has to begin with something that shows its type
    heap.pop()
    while distance < best:
        if distance + here.price[pixel] < best:
            best, left_alone = distance + here.price[pixel], pixel
        for edge in range(here.starts[pixel], here.starts[pixel + 1]):
            other = here.near[edge]
            reached = distance + here.price[pixel] + there.price[other] - (WORTH - here.length[edge])
            if reached >= min(best, there.distance[other]) or not there.present[other]:
                continue
            if there.distance[other] == FAR:
                there.touched[touched] = other
                touched += 1
            there.distance[other], there.origin[other] = reached, pixel
            if there.partner[other] == NONE:
                best, last, left_alone = reached, other, NONE
            else:
                heappush(heap, (reached, -touched, other))  # of equals the last: depth first
        distance = FAR
        while heap and distance == FAR:
            reached, _, other = heappop(heap)
            if reached == there.distance[other]:  # else there was a shorter way since
                pixel, distance = int(there.partner[other]), int(reached)
    here.price[root] -= best
    _change_prices(here, there, there.touched[:touched], best)
    if left_alone != NONE:
        last = here.partner[left_alone]
        here.partner[left_alone] = NONE
    _turn_over(last, here, there)


@compiled
def _change_prices(here: Side, there: Side, touched: Int32[np.ndarray, " n"], best: int) -> None:
    """Shift prices along the tree of the search, so that the path costs nothing."""
    for other in touched:
        shift = best - there.distance[other]
        there.distance[other] = FAR
        if shift > 0:
            there.price[other] += shift
            here.price[there.partner[other]] -= shift


@compiled
def _turn_over(last: int, here: Side, there: Side) -> None:
    """Pair every pixel of a path with the one that led to it, back to the root."""
    while last != NONE:
        pixel = there.origin[last]
        after = here.partner[pixel]
        here.partner[pixel], there.partner[last] = last, pixel
        last = after
