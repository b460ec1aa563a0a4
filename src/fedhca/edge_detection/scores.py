"""Scores of a set of pictures: F at the best threshold of all (ODS) and of each (OIS), and the average precision."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

THRESHOLDS: Float64[np.ndarray, "99"] = np.arange(1, 100) / 100
"""0.01 … 0.99, at which edge maps are made binary with ≥."""


def rates(counts: Int64[np.ndarray, "... 4"]) -> Float64[np.ndarray, "3 ..."]:
    """Return recall R = cntR / sumR, precision P = cntP / sumP and F = 2PR / (P + R); 0 where that divides by 0."""
    recall = counts[..., 0] / np.maximum(counts[..., 1], 1)
    precision = counts[..., 2] / np.maximum(counts[..., 3], 1)
    both = recall + precision
    return np.stack([recall, precision, 2 * precision * recall / np.where(both > 0, both, 1)])


def at_best(counts: Int64[np.ndarray, "t 4"]) -> Int64[np.ndarray, "4"]:
    """Return one picture's counts at the threshold of its greatest F, the highest of several."""
    f = rates(counts)[2]
    return counts[len(f) - 1 - f[::-1].argmax()]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a benchmark says of an edge detector; all scores in [0, 1].

    Attributes:
        counts: [cntR, sumR, cntP, sumP] at each threshold, summed over the pictures.
        best: the same, each picture at its own best threshold.
        thresholds: where the maps were made binary.
        pictures: how many there were.

    """

    counts: Int64[np.ndarray, "t 4"]
    best: Int64[np.ndarray, "4"]
    thresholds: Float64[np.ndarray, " t"]
    pictures: int

    @cached_property
    def recall(self) -> Float64[np.ndarray, " t"]:
        """Share of true pixels that are found, at each threshold."""
        return rates(self.counts)[0]

    @cached_property
    def precision(self) -> Float64[np.ndarray, " t"]:
        """Share of predicted pixels that are right, at each threshold."""
        return rates(self.counts)[1]

    @cached_property
    def f(self) -> Float64[np.ndarray, " t"]:
        """Harmonic mean of the two, at each threshold."""
        return rates(self.counts)[2]

    @property
    def ods(self) -> float:
        """The greatest F, one threshold for the whole set (optimal data set scale); no interpolation."""
        return float(self.f.max())

    @property
    def ods_threshold(self) -> float:
        """The threshold of the greatest F, the lowest of several."""
        return float(self.thresholds[self.f.argmax()])

    @property
    def ois(self) -> float:
        """F of the counts summed with each picture at its own best threshold (optimal image scale)."""
        return float(rates(self.best)[2])

    @property
    def ap(self) -> float:
        """Average precision: the mean over recall 0, 0.01, …, 1 of the precision, 0 where it is not reached.

        Linear between the thresholds; the sum is divided by 100 and not by 101, as in the reference program. Without
        at least two values of the recall there is no curve, and 0.
        """
        recall, first = np.unique(self.recall, return_index=True)
        if len(recall) < 2:
            return 0.0
        levels = np.arange(101) / 100
        return float(np.interp(levels, recall, self.precision[first], left=0.0, right=0.0).sum() / 100)

    def as_json(self) -> str:
        """Return the scores, and recall and precision at each threshold, as one line of JSON."""
        numbers = {"ods": self.ods, "ods_threshold": self.ods_threshold, "ois": self.ois, "ap": self.ap}
        series = {"thresholds": self.thresholds, "recall": self.recall, "precision": self.precision}
        return json.dumps(numbers | {"pictures": self.pictures} | {name: s.tolist() for name, s in series.items()})

    def __repr__(self) -> str:
        """Show the scores, not the counts."""
        return f"Scores(ods={self.ods:.4f} at {self.ods_threshold:.2f}, ois={self.ois:.4f}, ap={self.ap:.4f})"
