"""The benchmark: edge maps against the boundaries people drew."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, zip_longest
from os import cpu_count
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8

from fedhca.edge_detection.counts import count
from fedhca.edge_detection.scores import THRESHOLDS, Scores, at_best
from fedhca.edge_detection.suppression import suppress as ridges
from fedhca.errors import DataError, RecipeError

Map = Shaped[np.ndarray, "..."]
"""A picture [y, x]; no two have to be of one size."""
Truth = Map | Sequence[Map]
"""Boundaries drawn by one annotator [y, x], or by several [annotators, y, x] or in a list."""
Item = TypeVar("Item")


def benchmark(
    predictions: Iterable[Map],
    truths: Iterable[Truth],
    *,
    max_dist: float = 0.0075,
    suppress: bool = True,
    thresholds: Sequence[float] | Float64[np.ndarray, " t"] = THRESHOLDS,
    jobs: int | None = None,
) -> Scores:
    """Return ODS, OIS and AP of edge maps.

    >>> truth = np.zeros((100, 100), bool)
    >>> truth[:, 50] = True
    >>> benchmark([0.5 * np.roll(truth, 1, axis=1)], [truth], suppress=False).ods  # a pixel aside is near enough
    1.0

    Args:
        predictions: one map for each picture, uint8, or floats in [0, 1] that become uint8 as a network writes them:
            255 · p, cut off. May be an iterator: few pictures are held at a time.
        truths: for each picture a map, where not 0 there is a boundary, or a list of maps by several annotators. They
            are taken as they are; `thin` makes lines one pixel wide, `boundaries_of` makes lines of regions.
        max_dist: greatest distance between a predicted and a true pixel, as a share of the diagonal: 0.0075 for BSDS
            and PASCAL-Context, 0.011 for NYUD-v2.
        suppress: whether to do non-maximum suppression first; not if the maps have gone through it.
        thresholds: ascending, in (0, 1].
        jobs: pictures at a time, in threads; as many as there are processors if not given.

    Raises:
        RecipeError: an option is out of its range.
        DataError: a map has another shape, kind or range; prediction and truth differ in size or number.

    """
    steps = checked_options(max_dist, thresholds, jobs)

    def measure(picture: tuple[str, Map, Truth]) -> Int64[np.ndarray, "t 4"]:
        edge_map, boundaries = checked_maps(*picture)
        return count(ridges(edge_map) if suppress else edge_map, boundaries, max_dist, steps)

    return add_up(measure, _numbered(predictions, truths), steps, jobs)


def add_up(
    measure: Callable[[Item], Int64[np.ndarray, "t 4"]],
    pictures: Iterable[Item],
    thresholds: Float64[np.ndarray, " t"],
    jobs: int | None,
) -> Scores:
    """Return the scores of pictures of which `measure` returns the counts, some of them at a time."""
    threads = jobs or cpu_count() or 1
    total, best = np.zeros((len(thresholds), 4), np.int64), np.zeros(4, np.int64)
    waiting, number = iter(pictures), 0
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, 4 * threads)):
            for counts in pool.map(measure, some):
                total, best, number = total + counts, best + at_best(counts), number + 1
    if not number:
        raise DataError("The benchmark: expected at least one picture; found none. Give it edge maps and truths.")
    return Scores(total, best, thresholds, number)


def checked_options(
    max_dist: float, thresholds: Sequence[float] | Float64[np.ndarray, " t"], jobs: int | None
) -> Float64[np.ndarray, " t"]:
    """Return the thresholds as an array; RecipeError where an option is out of its range."""
    if not 0 <= max_dist <= 1:
        raise RecipeError(f"`max_dist` should be in [0, 1], a share of the diagonal. Found `max_dist = {max_dist}`.")
    if jobs is not None and jobs < 1:
        raise RecipeError(f"`jobs` should be at least 1. Found `jobs = {jobs}`.")
    steps = np.asarray(thresholds, np.float64)
    if steps.ndim != 1 or not len(steps) or not (steps[0] > 0 and steps[-1] <= 1 and (np.diff(steps) > 0).all()):
        raise RecipeError(f"`thresholds` should ascend within (0, 1]. Found {np.array2string(steps, threshold=6)}.")
    return steps


def checked_maps(
    name: str, prediction: Map, truth: Truth
) -> tuple[UInt8[np.ndarray, "y x"], list[Bool[np.ndarray, "y x"]]]:
    """Return a prediction with 8 bits and the boundaries of all its annotators; DataError where they do not fit."""
    edge_map = _eight_bits(name, np.asarray(prediction))
    several = [truth] if isinstance(truth, np.ndarray) and truth.ndim == 2 else list(truth)
    if not several:
        raise DataError(f"{name}: expected the truth of at least one annotator; found none.")
    for each in several:
        if np.shape(each) != edge_map.shape:
            raise DataError(
                f"{name}: expected a truth of the prediction's shape {edge_map.shape}; found {np.shape(each)}. "
                "Make both of one size."
            )
    return edge_map, [np.asarray(each) != 0 for each in several]


def _eight_bits(name: str, prediction: Map) -> UInt8[np.ndarray, "y x"]:
    if prediction.ndim != 2 or not prediction.size:
        raise DataError(f"{name}: expected an edge map [y, x]; found the shape {prediction.shape}.")
    if prediction.dtype == np.uint8:
        return prediction
    if prediction.dtype.kind not in "fb":
        raise DataError(
            f"{name}: expected an edge map of uint8, or of floats in [0, 1]; found {prediction.dtype}. Convert it."
        )
    if not ((prediction >= 0) & (prediction <= 1)).all():
        low, high = prediction.min(), prediction.max()
        raise DataError(f"{name}: expected probabilities in [0, 1]; found values from {low:g} to {high:g}.")
    return (prediction * np.float32(255)).astype(np.uint8)


def _numbered(predictions: Iterable[Map], truths: Iterable[Truth]) -> Iterator[tuple[str, Map, Truth]]:
    for number, (prediction, truth) in enumerate(zip_longest(predictions, truths)):
        if prediction is None or truth is None:
            more, fewer = ("truths", "predictions") if prediction is None else ("predictions", "truths")
            raise DataError(f"Expected as many predictions as truths; found only {number} {fewer} and more {more}.")
        yield f"Picture {number}", prediction, truth
