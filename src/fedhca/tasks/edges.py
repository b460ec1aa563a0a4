"""Edges: the probability of a boundary at every pixel, and the sums of the edge benchmark."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, final

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor
from torch.nn.functional import softplus

from fedhca import edge_detection
from fedhca.edge_detection.scores import at_best, rates
from fedhca.errors import DataError, RecipeError
from fedhca.tasks.palette import INK, shade
from fedhca.tasks.pixels import labelled, mean_over, require_label, require_label_fits
from fedhca.tasks.stats import Stat
from fedhca.tasks.task import IGNORE, Task


@final
@dataclass(frozen=True, eq=False, repr=False)
class EdgeCounts(Stat):
    """Counts [cntR, sumR, cntP, sumP] of edge pixels: at each threshold, and with each picture at its best one."""

    counts: Int64[Tensor, "thresholds 4"]
    best: Int64[Tensor, "4"]

    @classmethod
    def of(cls, pictures: Iterable[Int64[np.ndarray, "thresholds 4"]]) -> "EdgeCounts":
        """Add up the counts of pictures, see `fedhca.edge_detection.count`."""
        counts = np.stack([*pictures])
        return cls(torch.from_numpy(counts.sum(0)), torch.from_numpy(np.sum([*map(at_best, counts)], axis=0)))

    def result(self) -> float:
        """Return odsF in percent: F = 2PR / (P + R) at the best threshold, P = cntP / sumP and R = cntR / sumR."""
        if not self.counts.any():
            return math.nan
        return 100 * float(rates(self.counts.cpu().numpy())[2].max())


@final
@dataclass(frozen=True, kw_only=True)
class Edges(Task):
    """A boundary's probability p = σ(output) per pixel, label float in [0, 1].

    Loss: −w·label·log p − (1 − w)·(1 − label)·log(1 − p), mean over the labelled pixels. Metric: odsF of the benchmark
    (`fedhca.edge_detection`), where the truth is every label above 0, thinned. A margin without labels is cut off;
    pixels without a label that lie between others are taken as sure to be no boundary, on both sides.

    Attributes:
        positive_weight: w in [0, 1]; boundaries are rare, so they weigh more. RecipeError outside.
        max_dist: how far a predicted pixel may be from a true one, as a share of the picture's diagonal in [0, 1]:
            0.0075 as for PASCAL-Context, 0.011 as for NYUD-v2. RecipeError outside.

    """

    name: str = "edge"
    channels: int = 1
    weight: float = 50.0
    positive_weight: float = 0.95
    max_dist: float = 0.0075

    metric: ClassVar[str] = "odsF"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a weight that would reward a wrong answer, and a distance that is no share."""
        for name in ("positive_weight", "max_dist"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"`{name}` should be in [0, 1]. Found {getattr(self, name)}.")

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of probabilities."""
        require_label(self, label, size)
        outside = labelled(label) & ~((label >= 0) & (label <= 1))
        if outside.any():
            found = f"Found {float(label[outside][0]):g}. Divide."
            raise DataError(f"Labels of task '{self.name}' should be 0 to 1, or {IGNORE} for none. {found}")

    def loss(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the weighted binary cross entropy, mean over labelled pixels."""
        return mean_over(self._cross_entropy(output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b 1 y x"]) -> Float[Tensor, "b y x"]:
        """Return the probability of a boundary, in [0, 1]."""
        return output[:, 0].float().sigmoid()

    def measure(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> EdgeCounts:
        """Count predicted and true boundaries that match, on the processor, several pictures at a time."""
        require_label_fits(self, output, label)
        # In float64: the last bit of a float32 sigmoid hangs on the batch, and would tip what is cut off here.
        maps = (255 * output[:, 0].double().sigmoid()).to(torch.uint8).cpu().numpy()
        labels = label.cpu().numpy()
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return EdgeCounts.of(pool.map(self._count, maps, labels))

    def shrunk(
        self, label: Float[np.ndarray, "_ _"], shape: tuple[int, int], size: tuple[int, int]
    ) -> Float[np.ndarray, "_ _"]:
        """Return 1 where any pixel covered is above 0: one pixel in three of a thin line would leave no line."""
        small = super().shrunk(label, shape, size)
        line = np.where(label == IGNORE, 0, label).astype(np.float32)
        covered = cv2.resize(line, size[::-1], interpolation=cv2.INTER_AREA) > 0
        return np.where(small == IGNORE, small, covered.astype(label.dtype))

    def draw(self, values: Float[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return dark lines on white."""
        return shade(values, INK, values != IGNORE)

    def _count(
        self, edge_map: UInt8[np.ndarray, "y x"], label: Float[np.ndarray, "y x"]
    ) -> Int64[np.ndarray, "thresholds 4"]:
        rows, columns = (np.flatnonzero((label != IGNORE).any(axis)) for axis in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))
        known = label[box] != IGNORE
        ridges = edge_detection.suppress(np.where(known, edge_map[box], np.uint8(0)))
        return edge_detection.count(ridges, [edge_detection.thin(known & (label[box] > 0))], self.max_dist)

    def _cross_entropy(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Float[Tensor, "b y x"]:
        require_label_fits(self, output, label)
        logit, truth = output[:, 0].float(), torch.where(labelled(label), label, 0.0)
        # −log σ(z) = softplus(−z) and −log(1 − σ(z)) = softplus(z): no logarithm of 0 however sure the answer
        missed, invented = truth * softplus(-logit), (1 - truth) * softplus(logit)
        return self.positive_weight * missed + (1 - self.positive_weight) * invented
