"""The sums of the edge benchmark."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from fedhca.edge_detection.scores import at_best, rates
from fedhca.stats import Stat


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
