"""Pictures of more than eight bits a channel that Pillow cuts, turns round or does not know.

It gives the upper eight bits of 16-bit colours, swaps the bytes of compressed big-endian TIFF, takes signed bytes for
unsigned ones, and knows no TIFF of float64 or of 64-bit integers. OpenCV reads all these.
"""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from jaxtyping import Shaped
from PIL.TiffImagePlugin import BITSPERSAMPLE, IMAGELENGTH, IMAGEWIDTH, SAMPLEFORMAT, ImageFileDirectory_v2

# Silent: what cannot be read becomes a line of ours. The function moved between OpenCV 4 and 5.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

PNG, GREY = b"\x89PNG\r\n\x1a\n", 0
TIFF = {b"II*\0": 8, b"MM\0*": 8, b"II+\0": 16, b"MM\0+": 16}
"""First bytes, and how long the file's header is."""
LETTERS = {1: "u", 2: "i", 3: "f"}
"""NumPy's of each of TIFF's sample formats."""
PILLOW_KNOWS = {"<u2", "<i2", "<u4", "<i4", "<f4"}
"""Numbers of one channel that Pillow reads right."""


@dataclass(frozen=True)
class Deep:
    """What a deep picture says of itself.

    Attributes:
        numbers: their type.
        pixels: height times width.
        known: whether Pillow reads it right.

    """

    numbers: np.dtype
    pixels: int
    known: bool


def deep(content: bytes) -> Deep | None:
    """Return what a PNG or TIFF of deep channels says of itself; None of any other file."""
    if content.startswith(PNG) and len(content) > 25:
        width, height, depth, colour = np.frombuffer(content, ">u4, >u4, u1, u1", 1, 16)[0].tolist()
        return Deep(np.dtype(np.uint16), width * height, False) if depth == 16 and colour != GREY else None
    if content[:4] not in TIFF:
        return None
    try:
        tags = ImageFileDirectory_v2(content[: TIFF[content[:4]]])
        file = BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        bits, letter = tags.get(BITSPERSAMPLE, (1,)), LETTERS[tags.get(SAMPLEFORMAT, (1,))[0]]
        pixels = tags[IMAGEWIDTH] * tags[IMAGELENGTH]
        numbers = np.dtype(f"{'<' if content[:1] == b'I' else '>'}{letter}{bits[0] // 8}")
    except Exception:  # a broken file can make the reader raise nearly anything; Pillow says what is wrong
        return None
    if bits[0] <= 8 and letter == "u":
        return None
    return Deep(numbers, pixels, numbers.str in PILLOW_KNOWS and len(bits) == 1)


def read_deep(content: bytes, numbers: np.dtype) -> Shaped[np.ndarray, "y x ..."] | None:
    """Return the numbers of a deep picture, channels as red, green, blue, alpha; None where that cannot be."""
    if numbers == np.float16:  # no decoder has it
        return None
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != numbers.newbyteorder("="):
        return None
    return found if found.ndim == 2 else found[..., [2, 1, 0, *range(3, found.shape[2])]]
