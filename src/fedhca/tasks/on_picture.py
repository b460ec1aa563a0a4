"""Drawings on a picture: what is said of it as a whole, or of a few of its points; and fonts that have the letters."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Real, UInt8
from PIL import Image, ImageDraw, ImageFont

from fedhca.tasks.palette import class_colours
from fedhca.tasks.task import IGNORE

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FILES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "segoeui.ttf"),
    *("NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf"),
)
"""Of fonts that come with systems; those of the second line have Chinese, Japanese or Korean."""
NO_LETTER = "\U0010ffff"
"""What is drawn for it is what a font draws for every letter that it does not have."""


def font_for(text: str, size: float) -> Font:
    """Return a font that has the letters of a text: Pillow's own, which has few but ASCII, or one of the system.

    Where none has all of them, it is the one that has the most.
    """
    own = ImageFont.load_default(size)
    if not _missing(own, text):
        return own
    return min((own, *(ImageFont.truetype(file, size) for file in _files())), key=lambda font: _missing(font, text))


def _missing(font: Font, text: str) -> int:
    """Return how many letters of a text a font does not have."""
    box = bytes(font.getmask(NO_LETTER))
    return sum(bytes(font.getmask(letter)) == box for letter in {*text})


@cache
def _files() -> list[str]:
    """Return the fonts that are there; matplotlib brings one along."""
    matplotlib = find_spec("matplotlib")
    folder = Path(matplotlib.origin or "").parent / "mpl-data" / "fonts" / "ttf" if matplotlib else Path()
    found = []
    for file in (str(folder / FILES[0]), *FILES):
        try:
            found.append(str(ImageFont.truetype(file, 10).path))
        except OSError:
            continue
    return found


LEAST = 320
"""Pixels of the longer side that drawings have at least: letters and dots need more than small pictures have."""
PAPER, INK = (255, 255, 255), (16, 22, 40)
FADED = 0.35
"""How much of the paper shows through a picture with dots on it."""


def banner(picture: UInt8[np.ndarray, "_ _ 3"], text: str, index: int) -> UInt8[np.ndarray, "_ _ 3"]:
    """Return the picture with words at its foot, in a band of a class's colour; 255 is no class."""
    page = _enlarged(picture)
    colour = class_colours()[index]
    height = min(max(page.size) // 7, page.height)
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, page.height - height, page.width, page.height), fill=tuple(colour.tolist()))
    ink = INK if colour @ (0.299, 0.587, 0.114) > 140 else PAPER
    place = (page.width / 2, page.height - height / 2)
    pen.text(place, text, fill=ink, font=_fitting(text, page.width - height // 2, height), anchor="mm")
    return np.array(page)


def dots(picture: UInt8[np.ndarray, "_ _ 3"], points: Real[np.ndarray, "k 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
    """Return the picture, faded, with a dot in a colour of its own for each x, y and opacity from 0 to 1."""
    page = _enlarged(picture)
    page = Image.blend(page, Image.new("RGB", page.size, PAPER), FADED)
    factor, radius = page.width / picture.shape[1], max(page.size) / 42
    for number, (x, y, opacity) in enumerate(points.astype(float)):
        centre = ((x + 0.5) * factor, (y + 0.5) * page.height / picture.shape[0])
        page.paste(PAPER, mask=_disc(page.size, centre, 1.35 * radius, opacity))
        colour = class_colours()[number % (IGNORE - 1) + 1]  # the first is slate, as of a background
        page.paste(tuple(colour.tolist()), mask=_disc(page.size, centre, radius, opacity))
    return np.array(page)


def _enlarged(picture: UInt8[np.ndarray, "_ _ 3"]) -> Image.Image:
    image = Image.fromarray(picture)
    factor = max(1, -(-LEAST // max(image.size)))
    return image.resize((factor * image.width, factor * image.height), Image.Resampling.NEAREST)


def _fitting(text: str, width: int, height: int) -> Font:
    """Return a font in which the words are as wide as there is room, and no higher than seven tenths of it."""
    size = max(1.0, 0.7 * height)
    length = font_for(text, size).getlength(text)
    return font_for(text, max(1.0, size * min(1.0, width / max(length, 1.0))))


def _disc(size: tuple[int, int], centre: tuple[float, float], radius: float, opacity: float) -> Image.Image:
    """Return a mask of a disc, its border smooth."""
    x, y = np.arange(size[0]) + 0.5 - centre[0], np.arange(size[1]) + 0.5 - centre[1]
    inside = np.clip(radius + 0.5 - np.hypot(x, y[:, None]), 0, 1)
    return Image.fromarray((255 * np.clip(opacity, 0, 1) * inside).round().astype(np.uint8))
