"""Colours that stand for classes in label pictures."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Integer, UInt8, UInt32
from PIL import Image
from pydantic import AfterValidator, Field

from fedhca.config.bounds import Number


def _three_or_four(colour: tuple[int, ...]) -> tuple[int, ...]:
    if len(colour) not in {3, 4}:
        raise ValueError(f"a colour should be three numbers, such as [128, 0, 0]; found {list(colour)}")
    return colour[:3] if colour[3:] == (255,) else colour


Channel = Annotated[int, Field(ge=0, le=255), Number]
Colour = Annotated[tuple[Channel, ...], Field(examples=[[128, 0, 0]]), AfterValidator(_three_or_four)]
"""Red, green and blue; a fourth number is how opaque it is, 255 if not given."""


def distinct_colours(picture: UInt8[np.ndarray, "y x ..."]) -> list[Colour]:
    """Return the colours of a picture in ascending order: three numbers each, four of one that is not opaque."""
    return sorted(map(_colour, np.unique(_codes(picture)).tolist()))


def class_of_colours(
    picture: UInt8[np.ndarray, "y x ..."], classes: Mapping[Colour, int]
) -> tuple[Integer[np.ndarray, "y x"], Bool[np.ndarray, "y x"]]:
    """Return the class of each pixel's colour, and where the colour is none of `classes`."""
    codes, known = _codes(picture), np.array([_code(colour) for colour in classes], np.uint32)
    order = np.argsort(known)
    nearest = order[np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)]
    return np.array([*classes.values()])[nearest], known[nearest] != codes


def _codes(picture: UInt8[np.ndarray, "y x ..."]) -> UInt32[np.ndarray, "y x"]:
    """Return the colour of each pixel as one number."""
    return np.array(Image.fromarray(picture).convert("RGBA")).view("<u4")[..., 0]


def _code(colour: Colour) -> int:
    return int.from_bytes(bytes([*colour, 255][:4]), "little")


def _colour(code: int) -> Colour:
    red, green, blue, alpha = code.to_bytes(4, "little")
    return (red, green, blue) if alpha == 255 else (red, green, blue, alpha)
