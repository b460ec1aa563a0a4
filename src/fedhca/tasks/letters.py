"""Fonts for drawings, of whatever letters a font on this machine has."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

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
