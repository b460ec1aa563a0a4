"""Maps of surface normals in files: 8-bit colours, or .npy of vectors."""

from pathlib import Path
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float32, Shaped

from fedhca.data.described.class_maps import Channel
from fedhca.data.described.label import Label, axes_mend, channels
from fedhca.data.label_normals import decode_normals
from fedhca.errors import DataError
from fedhca.tasks import IGNORE, SurfaceNormals, Task
from fedhca.tasks.surface_normals import LONGEST

Colour = tuple[Channel, Channel, Channel]


@final
class NormalMap(Label):
    """Unit vectors: colours n = 2v/255 − 1, or real numbers [y, x, 3], where zeros and NaN are no label.

    Attributes:
        invalid: the colour that means "no label here".

    """

    kind: Literal["normals"]
    invalid: Colour | None = None

    endings: ClassVar[tuple[str, ...]] = (".png", ".bmp", ".npy")

    def task(self, name: str) -> Task:
        """Return the task."""
        return SurfaceNormals(name=name)

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "y x 3"]:
        """Return vectors as stored, 255 where there is no label."""
        if stored.ndim != 3 or stored.shape[2] != 3:
            mend = axes_mend(stored) or "Save normals as 8-bit RGB, or as .npy of that shape."
            raise DataError(f"{where}: expected three channels [y, x, 3]; found {channels(stored)}. {mend}")
        if stored.dtype == np.uint8:
            hole = (stored == np.array(self.invalid)).all(axis=2) if self.invalid else None
            return decode_normals(stored, None if hole is None else ~hole)
        vectors = stored.astype(np.float32)
        known = np.isfinite(vectors).all(axis=2) & (vectors != 0).any(axis=2)
        longest = float(np.abs(vectors[known]).max(initial=0))
        if longest > LONGEST:
            raise DataError(f"{where}: expected components from -1 to 1; found {longest:g}. Save unit vectors.")
        return np.where(known[..., None], vectors, np.float32(IGNORE))

    def nothing(self, shape: tuple[int, int]) -> Float32[np.ndarray, "y x 3"]:
        """Return 255 everywhere."""
        return np.full((*shape, 3), IGNORE, np.float32)
