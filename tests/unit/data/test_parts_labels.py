from pathlib import Path

import numpy as np
import pytest
from folders import SHAPE, Object, one_line, rectangle, save_annotation
from scipy.io import savemat

from fedhca.data.part_annotations import PARTS, object_classes, parts_label
from fedhca.errors import RecipeError

HAIR, TORSO, LEG = rectangle(2, 4, 5, 8), rectangle(5, 3, 12, 9), rectangle(12, 4, 18, 6)
OTHER = rectangle(4, 20, 16, 28)
BODY = rectangle(2, 3, 18, 9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a1.mat"


def test_the_24_names_fall_into_six_parts() -> None:
    assert len(PARTS) == 24
    assert set(PARTS.values()) == set(range(1, 7))
    assert [PARTS[name] for name in ("rear", "neck", "ruarm", "lhand", "luleg", "rfoot")] == [1, 2, 3, 4, 5, 6]


def test_parts_of_all_persons_are_united_and_those_of_animals_left_out(path: Path) -> None:
    dog = (12, rectangle(0, 0, 24, 3), {"head": rectangle(0, 0, 24, 3)})
    first = (15, BODY, {"hair": HAIR, "torso": TORSO})
    second = (15, OTHER, {"llleg": OTHER})
    save_annotation(path, [first, dog, second])
    expected = np.zeros(SHAPE, np.uint8)
    expected[HAIR], expected[TORSO], expected[OTHER] = 1, 2, 6
    np.testing.assert_array_equal(parts_label(path, SHAPE), expected)
    assert object_classes(path) == [15, 12, 15]


def test_a_picture_without_people_has_no_label(path: Path) -> None:
    save_annotation(path, [(12, BODY, {"head": HAIR})])
    assert (parts_label(path, SHAPE) == 255).all()
    save_annotation(path, [])
    assert (parts_label(path, SHAPE) == 255).all()
    assert object_classes(path) == []


def test_a_person_without_parts_is_background(path: Path) -> None:
    save_annotation(path, [(15, BODY, {}), (15, OTHER, {"torso": OTHER})])
    label = parts_label(path, SHAPE)
    assert (label[BODY] == 0).all()
    assert (label[OTHER] == 2).all()


@pytest.mark.parametrize(("parts", "expected"), [(7, [1, 2, 5]), (5, [1, 2, 4]), (2, [1, 1, 1])])
def test_parts_can_be_merged(path: Path, parts: int, expected: list[int]) -> None:
    save_annotation(path, [(15, BODY, {"head": HAIR, "neck": TORSO, "ruleg": LEG})])
    label = parts_label(path, SHAPE, parts)
    assert [label[mask].max() for mask in (HAIR, TORSO, LEG)] == expected
    assert label.max() == max(expected)


def test_other_numbers_of_parts_are_refused(path: Path) -> None:
    with pytest.raises(RecipeError, match="parts = 3"):
        parts_label(path, SHAPE, 3)


def test_an_unknown_part_is_named(path: Path) -> None:
    save_annotation(path, [(15, BODY, {"wing": HAIR})])
    one_line(lambda: parts_label(path, SHAPE), str(path), "'wing'", "luarm")


@pytest.mark.parametrize("objects", [[(15, OTHER[:5], {})], [(15, OTHER, {"hair": HAIR.T})]])
def test_masks_of_another_size_are_named(path: Path, objects: list[Object]) -> None:
    save_annotation(path, objects)
    one_line(lambda: parts_label(path, SHAPE), str(path), "24 × 32")


@pytest.mark.parametrize(
    "content",
    [
        {"anno": np.zeros((3, 3))},
        {"anno": "text"},
        {"anno": np.zeros((0, 0))},
        {"anno": {"things": 1}},
        {"anno": {"imname": "a1", "objects": {"class": "person"}}},
        {"anno": {"imname": "a1", "objects": {"class_ind": 15, "mask": "x", "parts": "hair"}}},
        {"annotation": 1},
    ],
)
def test_another_structure_is_named(path: Path, content: dict[str, object]) -> None:
    savemat(path, content)
    one_line(lambda: parts_label(path, SHAPE), str(path), "anno")
