"""Sums that merge: what an evaluation adds up, and the one formula at its end.

A metric of a data set is a formula of sums over pixels, never a mean of per-image scores. So evaluation is addition,
and neither the order nor the batching of the images can matter.

Every statistic is made by `of` from one batch. Sizes: b pictures of y × x pixels; `valid` says which pixels count.
Counts are int64 and so merge exactly, sums are float64; both stay on the device of the batch.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TypeVar, final

import torch
from jaxtyping import Bool, Float, Float64, Int64, Integer
from torch import Tensor

from fedhca.errors import DataError

# fmt: off
THRESHOLDS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.59999996, 0.65, 0.70, 0.75, 0.80,
              0.85, 0.90, 0.95)
# fmt: on
"""Probabilities at which saliency is made binary, with ≥, in float32.

The released meter adds up steps of 0.05 in float32; its 0.60 came out one unit in the last place low, and stays so.
"""

# Not `Self`: the checker of shapes that the tests switch on looks at methods one by one and cannot know it.
Some = TypeVar("Some", bound="Stat")


# No comparison by value: tensors with many elements have no one truth value.
@dataclass(frozen=True, eq=False, repr=False)
class Stat(ABC):
    """Sums of one metric as plain tensors; `a + b` merges two shares of the data, `result()` is the metric."""

    def __add__(self: Some, other: Some) -> Some:
        """Merge with the sums of another share of the data."""
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @abstractmethod
    def result(self) -> float:
        """Return the metric in its unit; NaN where there was nothing to measure."""

    def __repr__(self) -> str:
        """Show the metric, not the sums."""
        return f"{type(self).__name__}(result={self.result():.6g})"


@final
@dataclass(frozen=True, eq=False, repr=False)
class NotFinite(Stat):
    """What is known of predictions that are not finite, and of all that they are merged with: the metric is NaN."""

    def __add__(self, other: Stat) -> "NotFinite":
        """Stay what it is."""
        return self

    __radd__ = __add__

    def result(self) -> float:
        """Return NaN."""
        return math.nan


@final
@dataclass(frozen=True, eq=False, repr=False)
class Hits(Stat):
    """The share of hits: how many of those that count, in percent."""

    hits: Int64[Tensor, ""]
    count: Int64[Tensor, ""]

    @classmethod
    def of(cls, hit: Bool[Tensor, "b ..."], valid: Bool[Tensor, "b ..."]) -> "Hits":
        """Count those that are `valid`, and the hits among them."""
        return cls((hit & valid).sum(), valid.sum())

    def result(self) -> float:
        """Return 100 · hits / count."""
        return 100 * _ratio(self.hits, self.count)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Squares(Stat):
    """Root of the mean squared error: √(Σ (prediction − label)² / number of pixels)."""

    sum: Float64[Tensor, ""]
    count: Int64[Tensor, ""]

    @classmethod
    def of(
        cls, prediction: Float[Tensor, "b y x"], label: Float[Tensor, "b y x"], valid: Bool[Tensor, "b y x"]
    ) -> "Squares":
        """Add up the squared errors where `valid`."""
        return cls(*_sum_and_count((prediction.double() - label.double()).square(), valid))

    def result(self) -> float:
        """Return the RMSE, in the unit of the label."""
        return math.sqrt(_ratio(self.sum, self.count))


@final
@dataclass(frozen=True, eq=False, repr=False)
class Angles(Stat):
    """Mean angle between two fields of vectors.

    Both sides are brought to unit length, a and b (a vector of zeros stays zero); angle = 2·atan2(‖a − b‖, ‖a + b‖),
    which is accurate at 0° and at 180°, where the arc cosine is not.
    """

    sum: Float64[Tensor, ""]
    count: Int64[Tensor, ""]

    @classmethod
    def of(
        cls, prediction: Float[Tensor, "b 3 y x"], label: Float[Tensor, "b 3 y x"], valid: Bool[Tensor, "b y x"]
    ) -> "Angles":
        """Add up the angles, in degrees, where `valid`."""
        a, b = unit_vectors(prediction.double()), unit_vectors(label.double())
        angle = 2 * torch.atan2(torch.linalg.vector_norm(a - b, dim=1), torch.linalg.vector_norm(a + b, dim=1))
        return cls(*_sum_and_count(torch.rad2deg(angle), valid))

    def result(self) -> float:
        """Return the mean angle in degrees."""
        return _ratio(self.sum, self.count)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Stat):
    """Counts of pixels by true class (row) and predicted class (column)."""

    matrix: Int64[Tensor, "classes classes"]

    @classmethod
    def of(
        cls,
        prediction: Integer[Tensor, "b y x"],
        label: Integer[Tensor, "b y x"],
        valid: Bool[Tensor, "b y x"],
        classes: int,
    ) -> "Confusion":
        """Count the pixels where `valid`; DataError if one of them holds an index outside 0 … classes − 1."""
        label, prediction = label.long(), prediction.long()
        outside = valid & ((label < 0) | (label >= classes) | (prediction < 0) | (prediction >= classes))
        if outside.any():
            pair = f"label {int(label[outside][0])}, prediction {int(prediction[outside][0])}"
            raise DataError(f"Class indices should be in 0 … {classes - 1} wherever pixels count. Found {pair}.")
        cell = torch.where(valid, label * classes + prediction, classes**2)  # the last cell takes what does not count
        counts = torch.bincount(cell.flatten(), minlength=classes**2 + 1)
        return cls(counts[:-1].view(classes, classes))

    def result(self) -> float:
        """Return the mIoU in percent: mean over *all* classes of tp / max(tp + fp + fn, 1e-8).

        A class absent from labels and predictions counts as 0, as in the released code; most libraries leave it out.
        """
        if not self.matrix.any():
            return math.nan
        hit = self.matrix.diagonal().double()
        union = self.matrix.sum(0) + self.matrix.sum(1) - hit
        return 100 * float((hit / union.clamp(min=1e-8)).mean())


@final
@dataclass(frozen=True, eq=False, repr=False)
class ThresholdCounts(Stat):
    """Counts of binary maps at every one of `THRESHOLDS` (one letter: t of them)."""

    true_positives: Int64[Tensor, "t"]
    predicted_positives: Int64[Tensor, "t"]
    actual_positives: Int64[Tensor, ""]
    count: Int64[Tensor, ""]

    @classmethod
    def of(
        cls, prediction: Float[Tensor, "b y x"], label: Integer[Tensor, "b y x"], valid: Bool[Tensor, "b y x"]
    ) -> "ThresholdCounts":
        """Count, where `valid`, the pixels with a probability ≥ each threshold, and those whose label is 1."""
        steps = len(THRESHOLDS) + 1
        thresholds = torch.tensor(THRESHOLDS, dtype=torch.float32, device=prediction.device)
        # How many thresholds a pixel reaches says all about it: one histogram per label replaces 19 passes.
        # A NaN reaches none, as in a comparison.
        reached = torch.bucketize(prediction.float().nan_to_num(nan=-1.0), thresholds, right=True)
        cell = torch.where(valid, reached + steps * (label == 1), 2 * steps)
        histogram = torch.bincount(cell.flatten(), minlength=2 * steps + 1)[:-1].view(2, steps)
        at_least = histogram.flip(1).cumsum(1).flip(1)
        return cls(at_least[1, 1:], at_least[:, 1:].sum(0), at_least[1, 0], at_least[:, 0].sum())

    def result(self) -> float:
        """Return maxF in percent: the greatest, over thresholds, of F = 1.3PR / (0.3P + R).

        With P = tp / predicted and R = tp / actual that is 1.3tp / (0.3·actual + predicted): no division by zero as
        long as anything is predicted or salient, and 0 where nothing is.
        """
        if not self.count:
            return math.nan
        weighted = 0.3 * self.actual_positives.double() + self.predicted_positives
        score = 1.3 * self.true_positives / weighted.clamp(min=1e-8)
        return 100 * float(score.max())


def unit_vectors(vectors: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
    """Bring vectors to unit length; zero stays zero, and its gradient finite."""
    length = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / torch.where(length > 1e-12, length, 1.0)


def _sum_and_count(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    return torch.where(valid, values.detach().double(), 0.0).sum(), valid.sum()


def _ratio(total: Tensor, count: Tensor) -> float:
    return float(total / count) if count else math.nan
