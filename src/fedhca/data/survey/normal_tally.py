"""Whether normals are normal."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float32

from fedhca.data.described.normal_maps import NormalMap
from fedhca.data.survey.tally import Tally

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
