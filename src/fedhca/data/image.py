"""Reading pictures, label pictures and arrays, each failure one line that names the file."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from PIL import Image, ImageOps

from fedhca.data.deep_picture import deep, read_deep
from fedhca.data.file_kinds import LOOKED_AT
from fedhca.data.picture_file import MAX_PIXELS, content_of, decode, other_mode, require_picture, too_large, unreadable
from fedhca.errors import DataError

PHOTOGRAPHS = ("RGB", "L", "P", "RGBA", "LA", "CMYK", "YCbCr")
"""Colour modes that a photograph may have."""

STORED = ("1", "L", "P", "I;16", "I;16L", "I;16B", "I", "F", "RGB", "LA", "RGBA")
"""Colour modes that a label may have: masks, 8 bits or a palette, 16 bits, whole and real numbers, colours."""

COLOURED = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
"""Of a label whose colours are classes."""

LOSSY = ("JPEG", "MPO")


def read_picture(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, whatever its colour mode; DataError where it cannot be read."""
    return decode(path, content_of(path), lambda image: _photograph(path, image).convert("RGB"))


def read_upright(path: Path, content: bytes | None = None) -> UInt8[np.ndarray, "y x 3"]:
    """Return a photograph as RGB, turned as the camera held it (EXIF); labels of data sets know no such turn.

    Args:
        path: the file.
        content: its bytes, if they are at hand.

    """
    content = content_of(path) if content is None else content
    return decode(path, content, lambda image: ImageOps.exif_transpose(_photograph(path, image)).convert("RGB"))


def read_stored(
    path: Path, content: bytes | None = None, *, grey: bool = False, exact: bool = False
) -> Shaped[np.ndarray, "y x ..."]:
    """Return the numbers of a label picture or .npy file as they are stored, [y, x] or [y, x, channels].

    An alpha channel that hides nothing is left out.

    Args:
        path: the file.
        content: its bytes, if they are at hand.
        grey: whether a palette gives the greys it stands for, and not its indices.
        exact: whether to refuse JPEG, which changes numbers a little.

    Raises:
        DataError: it cannot be read, or holds no numbers of such a shape; a palette has colours, or alpha hides some.

    """
    if path.suffix.lower() == ".npy" and content is None:
        array = _load(path)
        if array.ndim not in {2, 3} or array.size > MAX_PIXELS * 3:
            found = f"found {list(array.shape)}. Save it in that shape"
            raise DataError(f"{path}: expected an array [y, x] or [y, x, channels]; {found}.")
        return np.array(array)
    content = content_of(path) if content is None else content
    head = deep(content)
    if head and head.pixels > MAX_PIXELS:
        raise too_large(path, f"{head.pixels}")
    if head and not head.known:
        return _opaque(path, _deep(path, content, head.numbers))
    values = decode(path, content, lambda image: _numbers(path, image, grey, exact))
    return values.astype(head.numbers) if head else _opaque(path, values)


def plane(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Return the one channel [y, x] of an array [y, x, 1], or [y, x, 3] with three equal ones; others as they are."""
    if values.ndim == 3 and values.shape[2] in {1, 3} and (values == values[..., :1]).all():
        return values[..., 0]
    return values


def read_colours(path: Path, content: bytes | None = None) -> UInt8[np.ndarray, "y x 4"]:
    """Return red, green, blue and opacity of an 8-bit label picture, of a palette the colours; else DataError."""
    content = content_of(path) if content is None else content
    return decode(path, content, lambda image: _exact(path, image, COLOURED).convert("RGBA"))


def read_indices(path: Path) -> UInt8[np.ndarray, "y x"]:
    """Return class indices from an 8-bit picture with one channel or a palette; DataError where there is none."""
    return _eight_bits(path, plane(read_stored(path, exact=True)), 1)


def read_grey(path: Path) -> UInt8[np.ndarray, "y x"]:
    """Return the values 0…255 of an 8-bit mask, its palette taken as greys; DataError where there is none."""
    values = plane(read_stored(path, grey=True, exact=True))
    return values * np.uint8(255) if values.dtype == bool else _eight_bits(path, values, 1)


def read_colour(path: Path) -> UInt8[np.ndarray, "y x 3"]:
    """Return the values 0…255 of an 8-bit picture with three channels; DataError where there is none."""
    return _eight_bits(path, read_stored(path), 3)


def read_array(path: Path) -> Float32[np.ndarray, "y x"]:
    """Return a .npy array of real numbers [y, x] or [y, x, 1]; never unpickles; DataError where there is none."""
    array = plane(_load(path))
    if array.ndim != 2 or array.dtype == bool:
        raise _no_numbers(path, array)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        return np.array(array, dtype=np.float32)


def _load(path: Path) -> np.ndarray:
    """Return the numbers of a .npy file, mapped; DataError where it holds none."""
    found = require_picture(path)
    try:
        # Mapped first: a header that promises more than the file holds fails here instead of asking for the memory.
        array = np.load(found, mmap_mode="r", allow_pickle=False)
    except Exception as cause:  # the header is read as Python: a broken one can make its reader raise nearly anything
        with found.open("rb") as file:
            raise unreadable(path, "a .npy array", cause, file.read(LOOKED_AT)) from cause
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise _no_numbers(path, array)
    return array


def _no_numbers(path: Path, found: object) -> DataError:
    what = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else type(found).__name__
    return DataError(f"{path}: expected an array of real numbers [y, x]; found {what}. Save it so, as float32.")


def _photograph(path: Path, image: Image.Image) -> Image.Image:
    if image.mode not in PHOTOGRAPHS:
        raise other_mode(path, image, PHOTOGRAPHS, "8 bits and three channels")
    return image


def _numbers(path: Path, image: Image.Image, grey: bool, exact: bool) -> Image.Image | np.ndarray:
    _exact(path, image, STORED, lossless=exact)
    return _greys(path, image) if grey and image.mode == "P" else image


def _exact(path: Path, image: Image.Image, modes: tuple[str, ...], lossless: bool = True) -> Image.Image:
    if lossless and image.format in LOSSY:
        mend = "Export the labels again as PNG; renaming or converting this file does not bring them back."
        raise DataError(f"{path}: expected the very numbers that were drawn; found JPEG, which changes them. {mend}")
    if image.mode not in modes:
        raise other_mode(path, image, modes, "8 bits and one channel")
    return image


def _deep(path: Path, content: bytes, numbers: np.dtype) -> Shaped[np.ndarray, "y x ..."]:
    values = read_deep(content, numbers)
    if values is None:
        raise DataError(
            f"{path}: expected numbers that can be read; found a TIFF or PNG of {numbers.name} that cannot, or a "
            "broken one. Save the numbers as TIFF of float32 or as .npy; if that is what it is, copy it again."
        )
    if numbers == np.uint16 and values.ndim == 3 and (values[..., :3] != values[..., :1]).any():
        return (values >> 8).astype(np.uint8)  # colours, as of normals; three equal channels may be whole numbers
    return values


def _greys(path: Path, image: Image.Image) -> UInt8[np.ndarray, "y x"]:
    """Return the greys that a picture's palette stands for; DataError where it uses a colour."""
    palette = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    indices = np.array(image)
    colour = next((each for each in palette[np.unique(indices)].tolist() if len({*each}) > 1), None)
    if colour:
        mend = "Save the mask as an 8-bit picture with one channel, black for no and white for yes."
        raise DataError(f"{path}: expected greys; found a palette with the colour {colour}. {mend}")
    return palette[indices, 0]


def _opaque(path: Path, values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Return the channels of a picture without alpha; DataError where it hides something."""
    if values.ndim == 2 or values.shape[2] not in {2, 4}:
        return values
    if values.dtype.kind == "u" and (values[..., -1] != np.iinfo(values.dtype).max).any():
        mend = "Paint over them, then save it without alpha channel."
        raise DataError(f"{path}: expected a picture that hides nothing; found transparent pixels. {mend}")
    return values[..., 0] if values.shape[2] == 2 else values[..., :3]


def _eight_bits(path: Path, values: np.ndarray, channels: int) -> UInt8[np.ndarray, "..."]:
    found = values.shape[2] if values.ndim == 3 else 1
    if found != channels or values.dtype not in {np.dtype(np.uint8), np.dtype(bool)}:
        expected = f"{path}: expected 8 bits and {_counted(channels)}; found {values.dtype} and {_counted(found)}"
        raise DataError(f"{expected}. Save the picture with 8 bits and {_counted(channels)}.")
    return values.astype(np.uint8)


def _counted(channels: int) -> str:
    return "one channel" if channels == 1 else f"{channels} channels"
