"""A contact sheet of a data set: some pictures with their labels drawn beside them, and what the colours mean."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageDraw

from fedhca.data.described.described_source import Described
from fedhca.data.source import IMAGE, Source
from fedhca.errors import DataError
from fedhca.report.image_grid import INK, PAPER, Tile, sheet
from fedhca.tasks.classes import ClassMaps
from fedhca.tasks.on_picture import font_for
from fedhca.tasks.palette import class_colours
from fedhca.tasks.task import Task

LONGEST = 480
"""Pixels of a side of what is drawn: a sheet shows no more."""
MOST_NAMES = 40
"""Classes that a legend has room for."""


def contact_sheet(source: Source, count: int) -> bytes:
    """Return pictures that lie evenly spread in a data set, each with its labels, as PNG.

    Args:
        source: of the pictures; those that cannot be read are left out.
        count: how many.

    Raises:
        DataError: none can be read.

    """
    rows, problem = [], DataError("expected pictures; found none")
    for index in _spread(len(source), count):
        try:
            rows.append(_row(source, index))
        except DataError as error:
            problem = error
    if not rows:
        raise problem
    legends = [tile for name, task in source.tasks.items() for tile in _legend(source, name, task)]
    return sheet([*rows, legends] if legends else rows, height=200)


def _spread(length: int, count: int) -> list[int]:
    return [index * length // count for index in range(count)] if length > count else [*range(length)]


def _row(source: Source, index: int) -> list[Tile]:
    tasks = source.tasks
    sample = source.read(index, [*tasks])
    image = sample[IMAGE]
    tiles = [_tile(f"{source.identifier(index)}  {image.shape[0]} x {image.shape[1]}", image)]
    return [*tiles, *(_drawn(name, task, sample[name], image) for name, task in tasks.items())]


def _drawn(name: str, task: Task, label: Shaped[np.ndarray, "..."], image: UInt8[np.ndarray, "y x 3"]) -> Tile:
    shape = (image.shape[0], image.shape[1])
    values = task.finished(label, shape, shape)
    return _tile(name, task.drawn_like(values).draw(values, image))


def _tile(caption: str, picture: UInt8[np.ndarray, "y x 3"]) -> Tile:
    factor = LONGEST / max(picture.shape[:2])
    if factor >= 1:
        return Tile(caption, picture)
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return Tile(caption, cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST_EXACT))


def _legend(source: Source, name: str, task: Task) -> list[Tile]:
    """Return which colour is which class, for a task of classes; nothing for others."""
    if not isinstance(task, ClassMaps):
        return []
    labels: Mapping[str, object] = source.labels if isinstance(source, Described) else {}
    names: Sequence[str] = getattr(labels.get(name), "names", ()) or tuple(map(str, range(task.channels)))
    return [Tile(f"{name}: classes", _key(names[:MOST_NAMES]))]


def _key(names: Sequence[str]) -> UInt8[np.ndarray, "y x 3"]:
    """Draw a patch and a name for each class, ten in a column."""
    line, column = 20, 150
    columns = -(-len(names) // 10)
    page = Image.new("RGB", (columns * column, 200), PAPER)
    pen, colours = ImageDraw.Draw(page), class_colours()
    for number, name in enumerate(names):
        x, y = number // 10 * column + 2, number % 10 * line + 2
        pen.rectangle((x, y, x + 16, y + 16), fill=tuple(map(int, colours[number])), outline=INK)
        pen.text((x + 22, y), name[:18], fill=INK, font=font_for(name, 13.0))
    return np.array(page)
