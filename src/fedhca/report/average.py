"""Means over seeds, where not every run came equally far."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

Series = Sequence[tuple[int, float]]
"""A value for each of some rounds."""


def average(runs: Sequence[Series]) -> tuple[list[int], list[float], list[float]]:
    """Return rounds, mean and standard deviation over the runs that measured that round.

    >>> average([[(1, 2.0), (2, 3.0)], [(1, 4.0)]])
    ([1, 2], [3.0, 3.0], [1.4142135623730951, 0.0])
    """
    values: dict[int, list[float]] = {}
    for run in runs:
        for number, value in run:
            if math.isfinite(value):
                values.setdefault(number, []).append(value)
    rounds = sorted(values)
    return rounds, [fmean(values[r]) for r in rounds], [deviation(values[r]) for r in rounds]


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation; 0 for a single value.

    >>> deviation([3.0])
    0.0
    """
    return stdev(values) if len(values) > 1 else 0.0
