"""Reading pictures, label pictures and arrays, each failure one line that names the file."""

from collections.abc import Collection
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from PIL import Image, ImageOps

from fedhca.errors import DataError

PHOTOGRAPHS = ("RGB", "L", "P", "RGBA", "LA", "CMYK", "YCbCr")
"""Colour modes that a photograph may have."""

STORED = ("1", "L", "P", "I;16", "I;16L", "I;16B", "I", "F", "LA", "RGB", "RGBA")
"""Colour modes that a label may have: masks, 8 bits or a palette, 16 bits, whole and real numbers, colours."""

MAX_PIXELS = 1 << 26
"""Larger pictures are refused: a few kilobytes of PNG can unpack to more than the memory holds."""


def read_picture(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, whatever its colour mode; DataError where it cannot be read."""
    return _decode(path, PHOTOGRAPHS, convert="RGB")


def read_upright(path: Path, content: bytes | None = None) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, turned as the camera held it (EXIF); labels of data sets know no such turn.

    Args:
        path: the file.
        content: its bytes, if they are at hand.

    """
    return _decode(path, PHOTOGRAPHS, content, convert="RGB", upright=True)


def read_stored(path: Path, content: bytes | None = None) -> Shaped[np.ndarray, "y x ..."]:
    """Return the numbers of a label picture or .npy file as they are stored, [y, x] or [y, x, channels].

    Args:
        path: the file.
        content: its bytes, if they are at hand.

    Raises:
        DataError: it cannot be read, or holds no numbers of such a shape.

    """
    if path.suffix.lower() != ".npy" or content is not None:
        return _decode(path, STORED, content)
    array = _load(path)
    if array.ndim not in {2, 3} or array.size > MAX_PIXELS * 3:
        raise DataError(
            f"{path}: expected an array [y, x] or [y, x, channels]; found {list(array.shape)}. Save it in that shape."
        )
    return np.array(array)


def read_colours(path: Path, content: bytes | None = None) -> UInt8[np.ndarray, "y x 4"]:
    """Return red, green, blue and opacity of an 8-bit label picture, of a palette the colours; else DataError."""
    return _decode(path, ("1", "L", "LA", "P", "PA", "RGB", "RGBA"), content, convert="RGBA")


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
    array = _load(path)
    if array.ndim != 2 or array.dtype == bool:
        raise _no_numbers(path, f"{array.dtype} {array.shape}")
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


def _load(path: Path) -> np.ndarray:
    """Return the numbers of a .npy file, mapped; DataError where it holds none."""
    require(path)
    try:
        # Mapped first: a header that promises more than the file holds fails here instead of asking for the memory.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as cause:  # the header is read as Python: a broken one can make its reader raise nearly anything
        raise unreadable(path, "a .npy array", cause) from cause
    if not isinstance(array, np.ndarray):
        raise _no_numbers(path, type(array).__name__)
    if array.dtype.kind not in "fiub":
        raise _no_numbers(path, f"{array.dtype} {array.shape}")
    return array


def _no_numbers(path: Path, found: str) -> DataError:
    return DataError(f"{path}: expected an array of real numbers [y, x]; found {found}. Save it again as float32.")


def _decode(
    path: Path,
    modes: Collection[str],
    content: bytes | None = None,
    *,
    convert: str | None = None,
    upright: bool = False,
) -> np.ndarray:
    try:
        with Image.open(require(path) if content is None else BytesIO(content)) as image:
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
