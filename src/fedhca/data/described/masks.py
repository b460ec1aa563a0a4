"""Masks in files, black on white or the other way: edges and what is salient."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from jaxtyping import Float32, Shaped
from pydantic import Field

from fedhca.config.bounds import Number
from fedhca.data.described.label import Label, Several, StoredWhole, listed, one_channel
from fedhca.data.image import read_stored
from fedhca.errors import DataError
from fedhca.tasks import IGNORE, Edges, Saliency, Task


@final
class Mask(Label):
    """Pictures with one channel, from 0 (none) to `white` (sure); what is not finite is no label.

    An edge is as sure as value/`white`; a pixel is salient above half of `white`.

    Attributes:
        white: the value that means yes: 255, or 1.
        ignore: values that mean "no label here".

    """

    kind: Literal["edge", "sal"]
    white: Annotated[int, Field(ge=1, lt=1 << 16), Number] = 255
    ignore: Annotated[tuple[StoredWhole, ...], Several] = ()

    endings: ClassVar[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".npy")

    def task(self, name: str) -> Task:
        """Return the task."""
        return Edges(name=name) if self.kind == "edge" else Saliency(name=name)

    def read(self, path: Path, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
        """Return the values of a file; a palette stands for greys."""
        return read_stored(path, content, grey=True)

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "y x"]:
        """Return probabilities of an edge, or 1 where a pixel is salient; 255 where there is no label."""
        values = one_channel(where, stored, "Save the mask as an 8-bit picture with one channel.")
        values = values * self.white if values.dtype == bool else values
        hidden = listed(values, self.ignore) | ~np.isfinite(values)
        wrong = values[~hidden & ~((values >= 0) & (values <= self.white))]
        if wrong.size:
            mend = "Set `white`, or add the value to `ignore`."
            raise DataError(f"{where}: expected values from 0 to `white`, {self.white}; found {wrong.max():g}. {mend}")
        if self.kind == "sal":
            return np.where(hidden, np.uint8(IGNORE), (values > self.white / 2).astype(np.uint8))
        edges: Float32[np.ndarray, "y x"] = values.astype(np.float32) / np.float32(self.white)
        return np.where(hidden, np.float32(IGNORE), edges)

    def nothing(self, shape: tuple[int, int]) -> Shaped[np.ndarray, "y x"]:
        """Return 255 everywhere."""
        return np.full(shape, IGNORE, np.uint8 if self.kind == "sal" else np.float32)
