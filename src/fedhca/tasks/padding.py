"""Padding: a picture or a label in the middle of a larger one."""

import numpy as np
from jaxtyping import Shaped


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
