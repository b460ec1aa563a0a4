"""How a training sample shows a picture, as far as its labels have to know."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Shaped


@runtime_checkable
class View(Protocol):
    """A crop of the scaled picture, perhaps mirrored; `fedhca.data.window.Window` is one.

    Places are (x, y) in pixels, whole at the centre of a pixel: the first one of a picture is (0, 0).
    """

    @property
    def scale(self) -> float:
        """How many times as large as in the picture things are shown."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crop, in pixels."""

    @property
    def flipped(self) -> bool:
        """Whether the crop is mirrored from left to right."""

    def nearest(self, label: Shaped[np.ndarray, "_ _ ..."], /) -> Shaped[np.ndarray, "_ _ ..."]:
        """Return a label map of the picture as it is seen, each pixel the nearest one."""

    def places(self, places: Float[np.ndarray, "k 2"], /) -> Float[np.ndarray, "k 2"]:
        """Return where places of the picture are seen; some may lie outside of the crop."""
