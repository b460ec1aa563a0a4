"""The sums of the edge benchmark."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from fedhca.edge_detection.scores import THRESHOLDS, at_best, rates
from fedhca.stats import Stat


@final
@dataclass(frozen=True, eq=False, repr=False)
class EdgeCounts(Stat):
    """Counts [cntR, sumR, cntP, sumP] of edge pixels: at each threshold, and with each picture at its best one."""

    counts: Int64[Tensor, "thresholds 4"]
    best: Int64[Tensor, "4"]

    @classmethod
    def zero(cls, device: torch.device | None = None) -> "EdgeCounts":
        """Return the counts of no picture."""
        counts = torch.zeros(len(THRESHOLDS), 4, dtype=torch.int64, device=device)
        return cls(counts, counts[0])

    @classmethod
    def of(cls, pictures: Iterable[Int64[np.ndarray, "thresholds 4"]]) -> "EdgeCounts":
        """Add up the counts of pictures, see `fedhca.edge_detection.count`."""
        total = cls.zero()
        for counts in pictures:
            total += cls(torch.from_numpy(counts), torch.from_numpy(at_best(counts)))
        return total

    def result(self) -> float:
        """Return odsF in percent: F = 2PR / (P + R) at the best threshold, P = cntP / sumP and R = cntR / sumR."""
        if not self.counts.any():
            return math.nan
        return 100 * float(rates(self.counts.cpu().numpy())[2].max())
