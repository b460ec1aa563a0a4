"""The synthetic scenes: names, sizes, errors, and that labels are exact."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from fedhca.data.synthetic import Figures, Rooms
from fedhca.data.synthetic.scenes import Scenes
from fedhca.errors import RecipeError
from fedhca.tasks.human_parts import PARTS
from fedhca.tasks.task import IGNORE

both = pytest.mark.parametrize("kind", [Rooms, Figures])


def digest(scenes: Scenes, index: int) -> str:
    sample = scenes.read(index, list(scenes.tasks))
    return hashlib.sha256(b"".join(sample[name].tobytes() for name in sorted(sample))).hexdigest()


@both
def test_knows_its_length_size_and_names(kind: type[Scenes]) -> None:
    scenes = kind(20, size=(48, 64), split="val")
    assert (len(scenes), scenes.size) == (20, (48, 64))
    assert scenes.identifier(12) == f"{kind.stem}-val-000012"


def test_declares_its_tasks() -> None:
    assert set(Rooms(1).tasks) == {"semseg", "depth", "normals", "edge"}
    assert set(Figures(1).tasks) == {
        "semseg",
        "human_parts",
        "sal",
        "normals",
        "edge",
        "classification",
        "keypoints",
    }


@both
def test_channels_are_one_a_class(kind: type[Scenes]) -> None:
    assert kind(1).tasks["semseg"].channels == len(kind.classes)


@both
@pytest.mark.parametrize("count", [0, -3])
def test_a_count_must_be_a_positive_whole_number(kind: type[Scenes], count: int) -> None:
    with pytest.raises(RecipeError, match=r"^`count` should be .* Found `count = .*`\.$"):
        kind(count)


@both
@pytest.mark.parametrize("size", [(15, 64), (64, 0), (-64, -64)])
def test_a_size_must_be_two_whole_numbers_that_are_not_tiny(kind: type[Scenes], size: tuple[int, int]) -> None:
    with pytest.raises(RecipeError, match=r"^`size` should be .* Found `size = .*`\.$"):
        kind(1, size=size)


@both
def test_a_seed_must_not_be_negative(kind: type[Scenes]) -> None:
    with pytest.raises(RecipeError, match=r"^`seed` should be .* Found `seed = -1`\.$"):
        kind(1, seed=-1)


def test_an_unknown_task_is_named_with_those_known() -> None:
    with pytest.raises(RecipeError, match="Unknown task of Rooms 'sal'"):
        Rooms(1).read(0, ["sal"])


@both
@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_picture_past_the_end(kind: type[Scenes], index: int) -> None:
    with pytest.raises(IndexError, match="has pictures 0 to 2"):
        kind(3, size=(32, 32)).read(index, [])


@both
def test_another_process_paints_the_same_bits(kind: type[Scenes]) -> None:
    line = (
        "import hashlib; from fedhca.data.synthetic import Figures, Rooms;"
        f"scenes = {kind.__name__}(9, size=(40, 56), seed=4); sample = scenes.read(7, list(scenes.tasks));"
        "print(hashlib.sha256(b''.join(sample[name].tobytes() for name in sorted(sample))).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.strip()
    assert digest(kind(9, size=(40, 56), seed=4), 7) == other


@both
def test_more_pictures_do_not_change_the_first(kind: type[Scenes]) -> None:
    assert digest(kind(3, size=(32, 32)), 2) == digest(kind(300, size=(32, 32)), 2)


@both
def test_every_class_occurs(kind: type[Scenes]) -> None:
    scenes = kind(60, size=(64, 64))
    seen = np.zeros(256, bool)
    for index in range(len(scenes)):
        seen[scenes.read(index, ["semseg"])["semseg"]] = True
    assert np.flatnonzero(seen).tolist() == list(range(len(kind.classes)))


def test_human_parts_are_all_seen_and_only_people_have_them() -> None:
    scenes = Figures(40, size=(64, 64))
    person = Figures.classes.index("person")
    seen = np.zeros(256, bool)
    for index in range(len(scenes)):
        sample = scenes.read(index, ["semseg", "human_parts"])
        parts, people = sample["human_parts"], sample["semseg"] == person
        seen[parts] = True
        assert scenes.usable(index, ["human_parts"]) == people.any()
        assert scenes.usable(index, ["human_parts", "edge"])
        if people.any():
            np.testing.assert_array_equal(parts > 0, people)
        else:
            assert (parts == IGNORE).all()
    assert np.flatnonzero(seen).tolist() == [*range(len(PARTS)), IGNORE]


def test_the_class_of_figures_is_how_many_people_are_in_sight() -> None:
    scenes, person = Figures(60, size=(64, 64)), Figures.classes.index("person")
    found = []
    for index in range(len(scenes)):
        canvas = scenes.scene(index).canvas
        numbers = canvas.objects[canvas.labels == person]
        sizes = [np.count_nonzero(numbers == number) for number in set(numbers.tolist())]
        expected = sum(size >= 64 * 64 / 500 for size in sizes)
        found.append(int(scenes.read(index, ["classification"])["classification"]))
        assert found[-1] == min(expected, 3)
    assert set(found) == {0, 1, 2, 3}


def test_keypoints_lie_on_the_parts_of_a_person() -> None:
    scenes = Figures(80, size=(128, 128))
    right, labelled = np.zeros(5), np.zeros(5)
    for index in range(len(scenes)):
        sample = scenes.read(index, ["human_parts", "keypoints"])
        points = sample["keypoints"]
        assert scenes.usable(index, ["keypoints"]) == (points[:, 2] > 0).any()
        assert scenes.usable(index, ["keypoints", "human_parts"]) >= scenes.usable(index, ["human_parts"])
        for place, part in enumerate(("head", *["lower arms"] * 2, *["lower legs"] * 2)):
            x, y, told = points[place].tolist()
            if told:
                labelled[place] += 1
                right[place] += sample["human_parts"][round(y), round(x)] == PARTS.index(part)
    assert (labelled > 40).all()
    assert (right[[0]] / labelled[[0]] > 0.9).all(), "what hides a head is rare"
    assert (right / labelled > 0.7).all(), "hands and feet are hidden more often"


def test_depth_of_rooms_is_that_of_rooms() -> None:
    scenes = Rooms(40, size=(64, 64))
    depths = np.stack([scenes.read(index, ["depth"])["depth"] for index in range(len(scenes))])
    assert depths.min() > 0.1
    assert depths.max() < 9
    assert 1.5 < np.median(depths) < 4


@both
def test_normals_are_those_of_the_surface_that_depth_describes(kind: type[Scenes]) -> None:
    scenes = kind(8, size=(120, 152))
    flat_pixels = 0
    for index in range(len(scenes)):
        canvas = scenes.scene(index).canvas
        angle = _angle(canvas.normals, _differences(canvas.points))
        around = [slice(1, -1), slice(0, -2), slice(2, None)]
        same, bend = np.ones_like(angle, bool), np.zeros_like(angle)
        for rows in around:
            for columns in around:
                same &= canvas.solid[rows, columns] == canvas.solid[1:-1, 1:-1]
                change = canvas.normals[:, rows, columns] - canvas.normals[:, 1:-1, 1:-1]
                bend = np.maximum(bend, np.sqrt((change**2).sum(axis=0)))
        same &= canvas.solid[1:-1, 1:-1] > 0
        flat, round_ = same & (bend == 0) & (canvas.depth[1:-1, 1:-1] < 12), same & (bend > 0) & (bend < 0.15)
        flat_pixels += flat.sum()
        assert angle[flat].max(initial=0) < 0.5
        assert np.quantile(angle[round_], 0.99, method="lower") < 3 if round_.any() else True
    assert flat_pixels > 10000


def _differences(points: np.ndarray) -> np.ndarray:
    across, up = points[:, 1:-1, 2:] - points[:, 1:-1, :-2], points[:, :-2, 1:-1] - points[:, 2:, 1:-1]
    normal = np.cross(across, up, axis=0).astype(np.float64)
    return normal / np.sqrt((normal**2).sum(axis=0))


def _angle(normals: np.ndarray, found: np.ndarray) -> np.ndarray:
    expected = normals[:, 1:-1, 1:-1]
    apart, together = np.linalg.norm(expected - found, axis=0), np.linalg.norm(expected + found, axis=0)
    return np.degrees(2 * np.arctan2(apart, together))
