"""Whatever is given as a picture: a file, a PIL image, an array."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from fedhca.data.image import PHOTOGRAPHS, read_upright
from fedhca.data.picture_file import MAX_PIXELS
from fedhca.errors import DataError

Picture = str | Path | Image.Image | np.ndarray
"""A file, a PIL image, or an array uint8 [y, x, 3]."""


def rgb(picture: Picture) -> UInt8[np.ndarray, "y x 3"]:
    """Return a picture's colours, turned as the camera held it.

    Raises:
        DataError: it is no picture, or there is no such file.

    """
    if isinstance(picture, np.ndarray):
        return _array(picture)
    if isinstance(picture, Image.Image):
        return _image(picture)
    path = Path(picture)
    if not path.is_file():
        raise DataError(f"{path}: expected a picture; found none. Correct the path.")
    return read_upright(path)


def shrunk(picture: UInt8[np.ndarray, "_ _ 3"], longest: int) -> UInt8[np.ndarray, "y x 3"]:
    """Return a picture with no side longer than this: itself, or each pixel the mean of those it covers."""
    factor = min(1.0, longest / max(picture.shape[:2]))
    if factor == 1:
        return picture
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _array(picture: np.ndarray) -> UInt8[np.ndarray, "y x 3"]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        found = f"{picture.dtype} {list(picture.shape)}"
        raise DataError(f"A picture should be an array uint8 [y, x, 3] of RGB. Found {found}. Convert it.")
    return np.ascontiguousarray(picture)


def _image(picture: Image.Image) -> UInt8[np.ndarray, "y x 3"]:
    if picture.mode not in PHOTOGRAPHS or not 0 < picture.width * picture.height <= MAX_PIXELS:
        found = f"mode {picture.mode}, {picture.height} × {picture.width}"
        expected = f"colour mode {', '.join(PHOTOGRAPHS)}, and at most {MAX_PIXELS} pixels"
        raise DataError(f"A picture should be of {expected}. Found {found}. Convert it.")
    return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
