"""Reading pictures, label pictures and arrays, each failure one line that names the file."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageOps

from fedhca.errors import DataError

PHOTOGRAPHS = ("RGB", "L", "P", "RGBA", "LA", "CMYK", "YCbCr")
"""Colour modes that a photograph may have."""

MAX_PIXELS = 1 << 26
"""Larger pictures are refused: a few kilobytes of PNG can unpack to more than the memory holds."""


def read_picture(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, whatever its colour mode; DataError where it cannot be read."""
    return _decode(path, PHOTOGRAPHS, convert="RGB")


def read_upright(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, turned as the camera held it (EXIF); labels of data sets know no such turn."""
    return _decode(path, PHOTOGRAPHS, convert="RGB", upright=True)


def read_indices(path: Path) -> UInt8[np.ndarray, "y x"]:
    """Return class indices from an 8-bit picture with one channel or a palette; DataError where there is none."""
    return _decode(path, ("L", "P"))


def read_grey(path: Path) -> UInt8[np.ndarray, "y x"]:
    """Return the values 0…255 of an 8-bit picture with one channel; DataError where there is none."""
    return _decode(path, ("L",))


def read_colour(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return the values 0…255 of an 8-bit picture with exactly three channels; DataError where there is none."""
    return _decode(path, ("RGB",))


def read_array(path: Path) -> Float32[np.ndarray, "y x"]:
    """Return a two-dimensional .npy array of real numbers; never unpickles; DataError where there is none."""
    require(path)
    try:
        # Mapped first: a header that promises more than the file holds fails here instead of asking for the memory.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as cause:  # the header is read as Python: a broken one can make its reader raise nearly anything
        raise unreadable(path, "a .npy array", cause) from cause
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu":
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise DataError(f"{path}: expected an array of real numbers [y, x]; found {found}. Save it again as float32.")
    return np.array(array, dtype=np.float32)


def require(path: Path) -> Path:
    """Return the path of a file that a list promises; DataError where there is no such file."""
    if not path.is_file():
        raise DataError(
            f"{path}: expected this file, as '{path.stem}' stands in the list of pictures; found none. "
            "Add the file or take the line out of the list."
        )
    return path


def unreadable(path: Path, kind: str, cause: BaseException) -> DataError:
    """Return the error for a file that is there and cannot be read."""
    found = " ".join(str(cause).split()) or type(cause).__name__
    return DataError(f"{path}: expected {kind}; found a file that cannot be read ({found}). Copy the file again.")


def _decode(path: Path, modes: Collection[str], convert: str | None = None, *, upright: bool = False) -> np.ndarray:
    require(path)
    try:
        with Image.open(path) as image:
            _check_header(path, image, modes)
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.array(turned.convert(convert) if convert else turned)
    except DataError:
        raise
    except Image.DecompressionBombError as cause:
        raise _too_large(path, "more") from cause
    except Exception as cause:  # a broken file can make the decoders raise nearly anything
        raise unreadable(path, "a picture", cause) from cause


def _check_header(path: Path, image: Image.Image, modes: Collection[str]) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, f"{image.height} × {image.width}")
    if image.mode not in modes:
        raise DataError(
            f"{path}: expected colour mode {' or '.join(modes)}; found {image.mode}. Save the picture with 8 bits "
            f"and {'three channels' if 'RGB' in modes else 'one channel'}."
        )


def _too_large(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: expected at most {MAX_PIXELS} pixels; found {found}. Make the picture smaller; if it should not be "
        "so large, copy the file again."
    )
