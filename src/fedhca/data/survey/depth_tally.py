"""How far things are."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float32

from fedhca.data.described.depths import DepthMap
from fedhca.data.survey.tally import Tally

SAMPLE = 1000
"""Pixels of a picture that percentiles are taken from, evenly spread."""
FAR, NEAR = 200.0, 0.05
"""Median metres beyond which the unit is doubtful."""


@final
class DepthTally(Tally):
    """Least and greatest depth, percentiles, and what is too far to be measured."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.least, self.greatest, self.beyond = np.inf, 0.0, 0
        self._samples: list[np.ndarray] = []

    def count(self, label: Float32[np.ndarray, "y x"], known: Bool[np.ndarray, "y x"]) -> None:
        """Look at the known depths."""
        metres = label[known]
        self.least = min(self.least, float(metres.min()))
        self.greatest = max(self.greatest, float(metres.max()))
        self.beyond += int((metres >= self._limit).sum())
        self._samples.append(metres[:: max(1, metres.size // SAMPLE)].copy())

    def line(self) -> str:
        """Say how far things are."""
        if not self._samples:
            return "no depth"
        low, middle, high = self._percentiles
        middles = f"median {middle:.3g} m, 98 % between {low:.3g} and {high:.3g} m"
        beyond = f"; {self.beyond / self.labelled:.1%} from {self._limit:g} m on" if self.beyond else ""
        return f"{self.least:.3g} to {self.greatest:.3g} m, {middles}{beyond}"

    def facts(self) -> dict[str, Any]:
        """Return metres, and the share of labelled pixels that are not measured."""
        if not self._samples:
            return {}
        low, middle, high = self._percentiles
        metres = {"least": self.least, "p1": low, "median": middle, "p99": high, "greatest": self.greatest}
        return {"metres": metres, "beyond_limit": self.beyond / self.labelled}

    def advice(self) -> list[str]:
        """Doubt the unit where nothing could be so far, or so near."""
        if not isinstance(self.label, DepthMap) or not self._samples:
            return []
        middle = self._percentiles[1]
        if NEAR < middle < FAR:
            return []
        unit = "millimetres" if self.label.factor == 1 and middle >= FAR else "another unit"
        return [f"`{self.task.name}`: half of the pixels are at {middle:.3g} m or more: is `unit` {unit}?"]

    @property
    def _limit(self) -> float:
        return float(getattr(self.task, "limit", np.inf))

    @property
    def _percentiles(self) -> tuple[float, float, float]:
        low, middle, high = np.percentile(np.concatenate(self._samples), (1, 50, 99))
        return float(low), float(middle), float(high)
