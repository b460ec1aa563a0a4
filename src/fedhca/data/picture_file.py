"""Opening picture files, each failure one line that names the file."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from fedhca.data.file_kinds import LOOKED_AT, kind_of_file
from fedhca.data.names import on_disk
from fedhca.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
"""Formats that are decoded. No other decoder is tried, whatever a file is called: PostScript's starts Ghostscript."""

MAX_PIXELS = 1 << 26
"""Larger pictures are refused: a few kilobytes of PNG can unpack to more than the memory holds."""


def open_picture(file: Path | BytesIO) -> Image.Image:
    """Open a picture of one of `FORMATS`, not decoded yet; raises what Pillow raises where it is none."""
    return Image.open(file, formats=FORMATS)


def require_picture(path: Path) -> Path:
    """Return the path of a file that a list promises, as the disk spells it; DataError where there is no such file."""
    found = on_disk(path)
    if not found.is_file():
        expected = f"{path}: expected this file, as '{path.stem}' stands in the list of pictures"
        raise DataError(f"{expected}; found none. Add the file or take the line out of the list.")
    return found


def unreadable(path: Path, kind: str, cause: BaseException, content: bytes) -> DataError:
    """Return the error for a file that is there and cannot be read: what it is instead, where its first bytes tell."""
    if named := kind_of_file(content[:LOOKED_AT]):
        return DataError(f"{path}: expected {kind}; found {named[0]}. {named[1]}")
    found = " ".join(str(cause).split()) or type(cause).__name__
    mend = "Copy the file again, or save it anew."
    return DataError(f"{path}: expected {kind}; found a file that cannot be read ({found}). {mend}")


def content_of(path: Path) -> bytes:
    """Return the bytes of a file; DataError where there is none."""
    return require_picture(path).read_bytes()


def decode(path: Path, content: bytes, take: Callable[[Image.Image], Image.Image | np.ndarray]) -> np.ndarray:
    """Return what is taken of a picture; DataError where it cannot be read."""
    try:
        with open_picture(BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise too_large(path, f"{image.height} × {image.width}")
            return np.array(take(image))
    except DataError:
        raise
    except Image.DecompressionBombError as cause:
        raise too_large(path, "more") from cause
    except Exception as cause:  # a broken file can make the decoders raise nearly anything
        raise unreadable(path, f"a picture ({', '.join(FORMATS)})", cause, content) from cause


def other_mode(path: Path, image: Image.Image, modes: tuple[str, ...], mend: str) -> DataError:
    """Return the error for a picture of a colour mode that is none of `modes`."""
    expected = f"expected colour mode {' or '.join(modes)}"
    return DataError(f"{path}: {expected}; found {image.mode}. Save the picture with {mend}.")


def too_large(path: Path, found: str) -> DataError:
    """Return the error for a picture of more than `MAX_PIXELS`."""
    mend = "Make the picture smaller; if it should not be so large, copy the file again."
    return DataError(f"{path}: expected at most {MAX_PIXELS} pixels; found {found}. {mend}")
