"""Maps of depth in files: 16-bit pictures, TIFF of real numbers, .npy."""

from pathlib import Path
from typing import Annotated, Literal, final

import numpy as np
from jaxtyping import Float32, Shaped

from fedhca.config.bounds import Positive
from fedhca.data.described.label import Label, Several, Stored, listed, one_channel
from fedhca.data.image import read_stored
from fedhca.tasks import IGNORE, Depth, Task

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}
"""Metres of each unit."""
NO_MEASUREMENT = 65535
"""What 16-bit cameras give where they measured nothing."""


@final
class DepthMap(Label):
    """Distances; what is not above 0, not finite or 65535 is no label.

    Attributes:
        unit: of the values: a word, or metres that a value of 1 stands for.
        invalid: values that mean "no label here".
        limit: metres from which on labels are not measured.

    """

    kind: Literal["depth"]
    unit: Literal["metres", "centimetres", "millimetres"] | Positive
    invalid: Annotated[tuple[Stored, ...], Several] = (0.0,)
    limit: Positive = 80.0

    @property
    def factor(self) -> float:
        """Metres that a value of 1 stands for."""
        return UNITS[self.unit] if isinstance(self.unit, str) else self.unit

    def task(self, name: str) -> Task:
        """Return the task."""
        return Depth(name=name, limit=self.limit)

    def read(self, path: Path, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
        """Return the values of a file; a palette stands for greys."""
        return read_stored(path, content, grey=True)

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "y x"]:
        """Return metres, 255 where there is no label."""
        values = one_channel(where, stored, "Save depth as a 16-bit PNG, a TIFF of real numbers, or .npy.")
        with np.errstate(over="ignore", invalid="ignore"):
            metres = (values * self.factor).astype(np.float32)
            measured = (metres > 0) & (values != NO_MEASUREMENT)  # which float16 cannot hold
        known = ~listed(values, self.invalid) & np.isfinite(metres) & measured
        return np.where(known, metres, np.float32(IGNORE))
