"""The benchmark: edge maps against the boundaries people drew."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, zip_longest
from os import cpu_count

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8

from fedhca.edge_detection.counts import count
from fedhca.edge_detection.scores import THRESHOLDS, Scores, at_best
from fedhca.edge_detection.suppression import suppress as ridges
from fedhca.errors import DataError, RecipeError

Map = Shaped[np.ndarray, "..."]
"""A map [y, x]; no two have to be of one size."""
Truth = Map | Sequence[Map]
"""Boundaries drawn by one annotator [y, x], or by several [annotators, y, x] or in a list."""
MOSTLY = 0.5
"""The share of pixels that edges never have."""
Picture = tuple[str, Map, Truth]
"""Its name for messages, the prediction, the truth."""


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
    return score(_numbered(predictions, truths), max_dist=max_dist, suppress=suppress, thresholds=thresholds, jobs=jobs)


def score(
    pictures: Iterable[Callable[[], Picture]],
    *,
    max_dist: float,
    suppress: bool,
    thresholds: Sequence[float] | Float64[np.ndarray, " t"] = THRESHOLDS,
    jobs: int | None = None,
) -> Scores:
    """Return the scores of pictures that are read when their turn comes, some of them at a time; see `benchmark`.

    A warning says where values look as if they meant something else.
    """
    steps = _checked_options(max_dist, thresholds, jobs)

    def measure(read: Callable[[], Picture]) -> tuple[Int64[np.ndarray, "t 4"], Int64[np.ndarray, "256"], float]:
        edge_map, boundaries = _checked_maps(*read())
        counts = count(ridges(edge_map) if suppress else edge_map, boundaries, max_dist, steps)
        return counts, np.bincount(edge_map.ravel(), minlength=256), float(np.mean(boundaries))

    threads = jobs or cpu_count() or 1
    total, best = np.zeros((len(steps), 4), np.int64), np.zeros(4, np.int64)
    values, covered, number = np.zeros(256, np.int64), 0.0, 0
    waiting = iter(pictures)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, 4 * threads)):
            for counts, tones, share in pool.map(measure, some):
                total, best, number = total + counts, best + at_best(counts), number + 1
                values, covered = values + tones, covered + share
    if not number:
        raise DataError("The benchmark: expected at least one picture; found none. Give it edge maps and truths.")
    for line in _doubts(values, covered / number, steps[0]):
        warnings.warn(line, stacklevel=3)
    return Scores(total, best, steps, number)


def _doubts(values: Int64[np.ndarray, "256"], covered: float, lowest: float) -> Iterator[str]:
    """Say what of the values looks wrong.

    Args:
        values: how many pixels of all predictions have each of the 256 values.
        covered: the share of pixels that are boundaries in the truths, mean over pictures.
        lowest: of the thresholds.

    """
    brightest, white = int(np.flatnonzero(values)[-1]), values[128:].sum() / values.sum()
    if brightest / 255 < lowest:
        yield (
            "Predictions should hold 255 times the probability of an edge. Found no value above "
            f"{brightest}, which no threshold finds. If they are 0 and 1, multiply them by 255."
        )
    if white > MOSTLY:
        yield (
            f"Predictions should be white on black. Found {white:.0%} of their pixels brighter than half. If edges are "
            "black, invert them: 255 - value."
        )
    if covered > MOSTLY:
        yield (
            f"Truths should be thin lines on 0. Found {covered:.0%} of their pixels not 0. If lines are black, invert "
            "them: 255 - value; of regions take the boundaries: fedhca.edge_detection.boundaries_of."
        )


def _checked_options(
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


def _checked_maps(
    name: str, prediction: Map, truth: Truth
) -> tuple[UInt8[np.ndarray, "y x"], list[Bool[np.ndarray, "y x"]]]:
    """Return a prediction with 8 bits and the boundaries of all its annotators; DataError where they do not fit."""
    edge_map = _eight_bits(name, np.asarray(prediction))
    several = [truth] if isinstance(truth, np.ndarray) and truth.ndim == 2 else list(truth)
    if not several:
        raise DataError(f"{name}: expected the truth of at least one annotator; found none.")
    for each in several:
        if np.shape(each) != edge_map.shape:
            expected = f"{name}: expected a truth of the prediction's shape {edge_map.shape}"
            raise DataError(f"{expected}; found {np.shape(each)}. Make both of one size.")
    return edge_map, [np.asarray(each) != 0 for each in several]


def _eight_bits(name: str, prediction: Map) -> UInt8[np.ndarray, "y x"]:
    if prediction.ndim != 2 or not prediction.size:
        raise DataError(f"{name}: expected an edge map [y, x]; found the shape {prediction.shape}.")
    if prediction.dtype == np.uint8:
        return prediction
    if prediction.dtype.kind not in "fb":
        expected = f"{name}: expected an edge map of uint8, or of floats in [0, 1]"
        raise DataError(f"{expected}; found {prediction.dtype}. Convert it.")
    if not ((prediction >= 0) & (prediction <= 1)).all():
        low, high = prediction.min(), prediction.max()
        raise DataError(f"{name}: expected probabilities in [0, 1]; found values from {low:g} to {high:g}.")
    return (prediction * np.float32(255)).astype(np.uint8)


def _numbered(predictions: Iterable[Map], truths: Iterable[Truth]) -> Iterator[Callable[[], Picture]]:
    for number, (prediction, truth) in enumerate(zip_longest(predictions, truths)):
        if prediction is None or truth is None:
            more, fewer = ("truths", "predictions") if prediction is None else ("predictions", "truths")
            raise DataError(f"Expected as many predictions as truths; found only {number} {fewer} and more {more}.")
        yield _at_hand((f"Picture {number}", prediction, truth))


def _at_hand(picture: Picture) -> Callable[[], Picture]:
    return lambda: picture
