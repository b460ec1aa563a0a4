"""How a training sample shows a picture, as far as its labels have to know, and padding to one size."""

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


def padding(shape: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return where top and left of a picture lie once it is padded: centred, an extra pixel at the end.

    >>> padding((425, 560), (448, 576))
    (11, 8)
    """
    return (size[0] - shape[0]) // 2, (size[1] - shape[1]) // 2


def unpad(values: Shaped[np.ndarray, "... y x"], shape: tuple[int, int]) -> Shaped[np.ndarray, "... _ _"]:
    """Return the part of a padded map that shows the picture of `shape` pixels."""
    top, left = padding(shape, (values.shape[-2], values.shape[-1]))
    return values[..., top : top + shape[0], left : left + shape[1]]


def pad(
    values: Shaped[np.ndarray, "... _ _"], size: tuple[int, int], fill: int, kind: type[np.generic]
) -> Shaped[np.ndarray, "... _ _"]:
    """Return a map in the middle of one of `size` pixels, of another kind of numbers, with `fill` around it."""
    padded = np.full((*values.shape[:-2], *size), fill, kind)
    unpad(padded, (values.shape[-2], values.shape[-1]))[...] = values
    return padded
