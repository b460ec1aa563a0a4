"""MaskFolder of the benchmarks' layouts are 0 to 255, or 0 and 1 throughout; the folder tells, not the file."""

from pathlib import Path

import numpy as np
import pytest
from folders import NAMES, SHAPE, nyud, one_line, pascal_context, save

from fedhca.data.mask_folder import LOOKED_AT, MaskFolder
from fedhca.data.nyud import NYUDv2
from fedhca.data.pascal_context import PASCALContext


def filled(folder: Path, brightest: list[int]) -> MaskFolder:
    """Write masks that are black but for one pixel."""
    names = [f"{number:03d}" for number in range(len(brightest))]
    for name, value in zip(names, brightest, strict=True):
        mask = np.zeros((2, 3), np.uint8)
        mask[0, 0] = value
        save(folder / f"{name}.png", mask)
    return MaskFolder(folder, names)


@pytest.mark.parametrize(
    ("brightest", "first"),
    [([1, 0, 1], 255), ([1, 255, 0], 1), ([1, 9], 1), ([1], 255), ([0, 0], 0), ([255, 255], 255)],
)
def test_the_folder_says_what_one_means(tmp_path: Path, brightest: list[int], first: int) -> None:
    path, values = filled(tmp_path, brightest).read("000")
    assert path == tmp_path / "000.png"
    assert values.ravel().tolist() == [first, 0, 0, 0, 0, 0]


def test_a_file_unlike_the_others_is_named(tmp_path: Path) -> None:
    masks = filled(tmp_path, [1, 200] + [1] * 2 * LOOKED_AT)
    one_line(lambda: masks.read("001"), "001.png", "0 and 1", "200")


def test_a_broken_file_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    masks = filled(tmp_path, [1, 1])
    (tmp_path / "001.png").write_bytes(b"")
    assert masks.read("000")[1].max() == 255


@pytest.mark.parametrize("white", [1, 255])
def test_both_layouts_take_both(tmp_path: Path, white: int) -> None:
    lines = np.zeros(SHAPE, np.uint8)
    lines[:, 7] = white
    rooms, people = nyud(tmp_path / "rooms"), pascal_context(tmp_path / "people")
    for name in NAMES:
        save(rooms / "edge" / f"{name}.png", lines)
        save(people / "sal_distill" / f"{name}.png", lines)
    edge = NYUDv2(rooms, "train").read(0, ["edge"])["edge"]
    sal = PASCALContext(people, "train", cache=tmp_path / "cache").read(0, ["sal"])["sal"]
    assert np.array_equal(edge, lines / white)
    assert np.array_equal(sal, lines // white)
