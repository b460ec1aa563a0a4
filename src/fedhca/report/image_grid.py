"""Pictures on a sheet: rows of captioned tiles."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from fedhca.tasks.on_picture import Font, font_for

GAP, LINE = 6, 18
PAPER, INK = (255, 255, 255), (40, 40, 48)


@dataclass(frozen=True)
class Tile:
    """A picture with a caption above it."""

    caption: str
    picture: UInt8[np.ndarray, "y x 3"]


def sheet(rows: Sequence[Sequence[Tile]], *, height: int = 160) -> bytes:
    """Lay tiles out in rows, all scaled to one height, and return the sheet as PNG."""
    fitted = [[scaled(tile, height) for tile in row] for row in rows]
    width = max(sum(image.width + GAP for image in row) for row in fitted) + GAP
    page = Image.new("RGB", (width, len(rows) * (height + LINE + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    for r, (row, images) in enumerate(zip(rows, fitted, strict=True)):
        x, y = GAP, GAP + r * (height + LINE + GAP)
        for tile, image in zip(row, images, strict=True):
            font = font_for(tile.caption, 12.0)
            pen.text((x, y), _fitting(tile.caption, image.width, font), fill=INK, font=font)
            page.paste(image, (x, y + LINE))
            x += image.width + GAP
    return png(page)


def png(image: Image.Image) -> bytes:
    """Return an image as PNG."""
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def scaled(tile: Tile, height: int) -> Image.Image:
    """Scale to the row's height; class colours must not blend, so no interpolation when enlarging."""
    image = Image.fromarray(tile.picture)
    width = max(1, round(image.width * height / image.height))
    resampling = Image.Resampling.NEAREST if height >= image.height else Image.Resampling.BOX
    return image.resize((width, height), resampling)


def _fitting(text: str, width: int, font: Font) -> str:
    """Shorten a caption to the width of its picture."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
