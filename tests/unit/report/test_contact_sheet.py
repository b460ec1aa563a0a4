from collections.abc import Collection, Mapping
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fedhca.data.source import Sample, Source
from fedhca.errors import DataError
from fedhca.report.contact_sheet import contact_sheet
from fedhca.tasks import Depth, SemanticSegmentation, Task
from fedhca.tasks.palette import class_colours

SHADES = [10, 20, 30, 40, 50, 60, 70]
TOP, ROW, LEFT = 6 + 18, 200 + 18 + 6, 6
"""Where the first picture begins below its caption, how far rows lie apart, and the margin at the left."""


class Plain(Source):
    """Pictures of one grey each, with a label of one class."""

    def __init__(self, task: Task, size: tuple[int, int] = (40, 60), broken: Collection[int] = ()) -> None:
        self.task, self.shape, self.broken = task, size, broken

    @property
    def tasks(self) -> Mapping[str, Task]:
        return {self.task.name: self.task}

    @property
    def size(self) -> tuple[int, int]:
        return self.shape

    def __len__(self) -> int:
        return len(SHADES)

    def identifier(self, index: int) -> str:
        return f"picture-{index}"

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        if index in self.broken:
            raise DataError(f"picture-{index} is broken")
        image = np.full((*self.shape, 3), SHADES[index], np.uint8)
        kind = np.uint8 if isinstance(self.task, SemanticSegmentation) else np.float32
        return {"image": image, self.task.name: np.ones(self.shape, kind)}


CLASSES = SemanticSegmentation(channels=12)


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def shades(sheet: Image.Image, rows: int) -> list[int]:
    return [int(np.array(sheet)[TOP + row * ROW + 100, LEFT + 50, 0]) for row in range(rows)]


def test_pictures_lie_evenly_spread_in_the_data_set() -> None:
    assert shades(opened(contact_sheet(Plain(CLASSES), 3)), 3) == [10, 30, 50]  # of seven: 0, 2 and 4
    assert shades(opened(contact_sheet(Plain(CLASSES), 9)), 7) == SHADES


def test_a_picture_stands_beside_its_label_with_what_colours_mean_below() -> None:
    sheet = opened(contact_sheet(Plain(CLASSES), 1))
    pixels, colours = np.array(sheet), class_colours()
    assert sheet.size == (300 + 300 + 3 * 6, 2 * ROW + 6)
    assert pixels[TOP + 100, LEFT + 300 + 6 + 100].tolist() == colours[1].tolist()
    legend = TOP + ROW
    for number, (x, y) in {0: (0, 0), 1: (0, 20), 9: (0, 180), 10: (150, 0), 11: (150, 20)}.items():
        assert pixels[legend + y + 10, LEFT + x + 10].tolist() == colours[number].tolist()
    assert pixels[legend + 50, LEFT + 160].tolist() == [255, 255, 255]  # there is no thirteenth class


def test_what_has_no_classes_has_no_legend_and_large_pictures_are_made_smaller() -> None:
    sheet = opened(contact_sheet(Plain(Depth(), (600, 1200)), 2))
    assert sheet.size == (2 * 400 + 3 * 6, 2 * ROW + 6)
    assert shades(sheet, 2) == [10, 40]


def test_broken_pictures_are_left_out_and_if_all_are_the_last_says_why() -> None:
    assert shades(opened(contact_sheet(Plain(CLASSES, broken=[0, 3]), 7)), 5) == [20, 30, 50, 60, 70]
    with pytest.raises(DataError, match="picture-6 is broken"):
        contact_sheet(Plain(CLASSES, broken=range(7)), 7)
