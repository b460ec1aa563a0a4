"""What must hold for every synthetic picture, whatever its size, seed and place."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedhca.data.source import Sample
from fedhca.data.synthetic import Figures, Rooms
from fedhca.data.synthetic.scenes import Scenes
from fedhca.tasks.task import IGNORE

COUNT = 1000
SHAPES = {"image": 3, "normals": 3}
KINDS = dict.fromkeys(("edge", "depth", "normals", "keypoints"), np.float32)
NO_MAPS = {"classification": (), "keypoints": (5, 3)}

both = pytest.mark.parametrize("kind", [Rooms, Figures])
sides = st.integers(16, 90)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**40)
indices = st.integers(0, COUNT - 1)
unhurried = settings(max_examples=40)


def read(kind: type[Scenes], size: tuple[int, int], seed: int, index: int, split: str = "train") -> Sample:
    scenes = kind(COUNT, size=size, seed=seed, split=split)
    return scenes.read(index, list(scenes.tasks))


@both
@given(size=sizes, seed=seeds, index=indices)
@unhurried
def test_shapes_and_kinds_fit_a_source(kind: type[Scenes], size: tuple[int, int], seed: int, index: int) -> None:
    sample = read(kind, size, seed, index)
    assert set(sample) == {"image", *kind(1).tasks}
    for name, values in sample.items():
        assert values.shape == NO_MAPS.get(name, (*size, 3)[: SHAPES.get(name, 2)])
        assert values.dtype == KINDS.get(name, np.uint8)
        assert values.flags.c_contiguous


@both
@given(size=sizes, seed=seeds, index=indices)
@unhurried
def test_values_are_in_range(kind: type[Scenes], size: tuple[int, int], seed: int, index: int) -> None:
    sample = read(kind, size, seed, index)
    assert sample["semseg"].max() < len(kind.classes)
    assert np.isin(sample["edge"], (0, 1)).all()
    if "depth" in sample:
        assert 0.05 < sample["depth"].min() <= sample["depth"].max() < 9
    known = sample["normals"][..., 0] != IGNORE
    assert (sample["normals"][~known] == IGNORE).all()
    np.testing.assert_allclose((sample["normals"][known] ** 2).sum(axis=-1), 1, atol=1e-4)


@both
@given(seed=seeds, index=indices, other=indices)
@unhurried
def test_the_same_place_gives_the_same_bits_in_any_order(kind: type[Scenes], seed: int, index: int, other: int) -> None:
    scenes = kind(COUNT, size=(33, 40), seed=seed)
    before = scenes.read(index, list(scenes.tasks))
    scenes.read(other, ["edge"])
    again = kind(COUNT, size=(33, 40), seed=seed).read(index, list(reversed(list(scenes.tasks))))
    for name in before:
        np.testing.assert_array_equal(before[name], again[name])


@both
@given(seed=seeds, index=indices, name=st.sampled_from(["semseg", "normals", "edge"]))
@unhurried
def test_a_label_does_not_depend_on_what_else_is_asked_for(
    kind: type[Scenes], seed: int, index: int, name: str
) -> None:
    alone = kind(COUNT, size=(40, 32), seed=seed).read(index, [name])
    together = read(kind, (40, 32), seed, index)
    assert set(alone) == {"image", name}
    np.testing.assert_array_equal(alone[name], together[name])
    np.testing.assert_array_equal(alone["image"], together["image"])


@both
@given(seed=seeds, index=indices)
@unhurried
def test_splits_seeds_and_places_are_streams_apart(kind: type[Scenes], seed: int, index: int) -> None:
    here = read(kind, (32, 32), seed, index)["image"]
    others = [
        read(kind, (32, 32), seed, index, "val"),
        read(kind, (32, 32), seed + 1, index),
        read(kind, (32, 32), seed, (index + 1) % COUNT),
    ]
    assert all((here != other["image"]).mean() > 0.3 for other in others)


@both
@given(size=sizes, seed=seeds, index=indices)
@unhurried
def test_edges_are_where_objects_meet_and_all_that_part_classes(
    kind: type[Scenes], size: tuple[int, int], seed: int, index: int
) -> None:
    sample, canvas = read(kind, size, seed, index), kind(COUNT, size=size, seed=seed).scene(index).canvas
    np.testing.assert_array_equal(sample["edge"] > 0, differs(canvas.objects))
    assert (sample["edge"] > 0)[differs(sample["semseg"])].all()


def differs(labels: np.ndarray) -> np.ndarray:
    answer = np.zeros(labels.shape, bool)
    for row, column in np.ndindex(*labels.shape):
        right, below = labels[row, column + 1 : column + 2], labels[row + 1 : row + 2, column]
        answer[row, column] = (right != labels[row, column]).any() or (below != labels[row, column]).any()
    return answer


@given(size=sizes, seed=seeds, index=indices)
@unhurried
def test_figures_are_salient_and_people_have_parts(size: tuple[int, int], seed: int, index: int) -> None:
    sample = read(Figures, size, seed, index)
    salient = [Figures.classes.index(name) for name in ("person", "animal", "ball")]
    np.testing.assert_array_equal(sample["sal"], np.isin(sample["semseg"], salient))
    people = sample["semseg"] == Figures.classes.index("person")
    parts = sample["human_parts"]
    assert (parts[~people] == (0 if people.any() else IGNORE)).all()
    assert ((parts[people] >= 1) & (parts[people] <= 6)).all()
    sky = sample["semseg"] == Figures.classes.index("sky")
    np.testing.assert_array_equal(sample["normals"][..., 0] == IGNORE, sky)


@both
@given(size=sizes, seed=seeds, index=indices)
@example(size=(19, 81), seed=157493, index=977)  # a ray through the edge of a box
@unhurried
def test_what_is_seen_faces_the_camera(kind: type[Scenes], size: tuple[int, int], seed: int, index: int) -> None:
    canvas = kind(COUNT, size=size, seed=seed).scene(index).canvas
    points = canvas.points / np.sqrt((canvas.points**2).sum(axis=0))
    assert (canvas.normals * points).sum(axis=0).max() < 1e-2
