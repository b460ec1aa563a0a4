"""Counts of points, masks, normals and depths."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float32, Real, Shaped

from fedhca.data.described.depths import DepthMap
from fedhca.data.described.masks import Mask
from fedhca.data.described.normal_maps import NormalMap
from fedhca.data.survey.tally import Tally


@final
class PointTally(Tally):
    """Pictures in which each point has a label."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.names = self.names or tuple(map(str, range(self.task.channels)))
        self.seen = np.zeros(self.task.channels, np.int64)

    def known(self, label: Real[np.ndarray, "k 3"]) -> Bool[np.ndarray, "k"]:
        """Return which points have a label."""
        return label[:, 2] > 0

    def count(self, label: Real[np.ndarray, "k 3"], known: Bool[np.ndarray, "k"]) -> None:
        """Count the points that have a label."""
        self.seen += known

    def line(self) -> str:
        """Say how many points there are, and which are never seen."""
        never = [name for name, seen in zip(self.names, self.seen, strict=True) if not seen]
        return f"{len(self.names)} points, " + (f"never seen: {', '.join(never)}" if never else "all seen")

    def facts(self) -> dict[str, Any]:
        """Return the pictures in which each point has a label."""
        return {"points": {name: int(seen) for name, seen in zip(self.names, self.seen, strict=True)}}


ROUNDING = 0.05
"""How far from 1 the length of a vector may be: 8 bits round."""
MANY = 0.01


@final
class NormalTally(Tally):
    """Vectors whose length is not 1."""

    odd = 0
    _whites = 0

    def count(self, label: Float32[np.ndarray, "y x 3"], known: Bool[np.ndarray, "y x"]) -> None:
        """Measure the known vectors."""
        lengths = np.linalg.norm(label[known], axis=-1)
        self.odd += int((np.abs(lengths - 1) > ROUNDING).sum())

    def line(self) -> str:
        """Say how many are not of unit length."""
        return f"{self._odd_share:.2%} not of unit length" if self.odd else "all of unit length"

    def facts(self) -> dict[str, Any]:
        """Return the share of labelled pixels whose vectors are not of unit length."""
        return {"not_unit": self._odd_share}

    def advice(self) -> list[str]:
        """Doubt that all pixels have a label."""
        if not isinstance(self.label, NormalMap) or self._odd_share < MANY:
            return []
        return [
            f"`{self.task.name}`: {self._odd_share:.0%} of the vectors are not of unit length: where one colour, such "
            "as black, means no label, set `invalid: [0, 0, 0]`."
        ]

    @property
    def _odd_share(self) -> float:
        return self.odd / max(1, self.labelled)


HALF = 0.5


@final
class MaskTally(Tally):
    """Pixels that are an edge, or salient."""

    sure = 0
    _brightest = 0.0

    def count(self, label: Shaped[np.ndarray, "y x"], known: Bool[np.ndarray, "y x"]) -> None:
        """Count what is more sure than not."""
        self.sure += int((label[known] > HALF).sum())

    def store(self, values: Shaped[np.ndarray, "..."]) -> None:
        """See how bright the brightest pixel is."""
        if values.size and values.dtype.kind in "fiu":
            hidden = self.label.ignore if isinstance(self.label, Mask) else ()
            self._brightest = max(self._brightest, float(values[~np.isin(values, [*hidden])].max(initial=0)))

    def line(self) -> str:
        """Say how much is covered."""
        return f"{self._covered:.2%} of the labelled pixels are set"

    def facts(self) -> dict[str, Any]:
        """Return the share of labelled pixels that are set."""
        return {"set": self._covered}

    def advice(self) -> list[str]:
        """Say how bright white is."""
        if not isinstance(self.label, Mask) or self._brightest in {0, self.label.white}:
            return []
        brightest = int(self._brightest)
        if brightest > self.label.white or brightest == 1:
            return [f"`{self.task.name}`: the brightest pixel of all is {brightest}: set `white: {brightest}`."]
        return []

    @property
    def _covered(self) -> float:
        return self.sure / max(1, self.labelled)


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
