"""How much of the pictures a mask covers."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Shaped

from fedhca.data.described.masks import Mask
from fedhca.data.survey.tally import Tally

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
