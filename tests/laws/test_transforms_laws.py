"""What augmentation may never do to a label, whatever the sample and the draws."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fedhca.data.augmented import train_transform
from fedhca.data.source import Sample
from fedhca.data.window import Window, draw_window
from fedhca.tasks import Depth, Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals, Task
from fedhca.tasks.view import padding, unpad

Shape = tuple[int, int]
SIDES = st.integers(1, 40)
SIZES = st.tuples(SIDES, SIDES)
SEEDS = st.integers(0, 2**63 - 1)
TASKS: dict[str, Task] = {
    task.name: task
    for task in (SemanticSegmentation(channels=9), HumanParts(), Saliency(), Edges(), Depth(), SurfaceNormals())
}


def sample(shape: Shape, seed: int) -> Sample:
    generator = np.random.default_rng(seed)
    normals = generator.normal(size=(*shape, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    invalid = generator.random(shape) < 0.2
    normals[invalid] = 255
    depth = np.where(invalid, 255, generator.choice([1.0, 2.0, 4.0], shape)).astype(np.float32)
    return {
        "image": generator.integers(0, 256, (*shape, 3), dtype=np.uint8),
        "semseg": np.where(invalid, 255, generator.choice([3, 5, 8], shape)).astype(np.uint8),
        "human_parts": generator.choice([0, 2, 6], shape).astype(np.uint8),
        "sal": generator.integers(0, 2, shape, dtype=np.uint8),
        "edge": generator.choice([0, 0.25, 1], shape).astype(np.float32),
        "depth": depth,
        "normals": normals,
    }


def transformed(shape: Shape, size: Shape, seed: int, **options: Any) -> tuple[Sample, Sample]:
    raw = sample(shape, seed)
    return raw, train_transform(raw, size, np.random.default_rng(seed), tasks=TASKS, **options)


@given(SIZES, SIZES, SEEDS)
def test_no_label_is_invented(shape: Shape, size: Shape, seed: int) -> None:
    raw, done = transformed(shape, size, seed)
    for name in ("semseg", "human_parts", "sal", "edge"):
        assert set(np.unique(done[name])) <= set(np.unique(raw[name])) | {255}
        assert done[name].shape == size


@given(SIZES, SIZES, SEEDS)
def test_normals_stay_as_long_as_they_were_and_turn_in_x_only(shape: Shape, size: Shape, seed: int) -> None:
    raw, done = transformed(shape, size, seed)
    normals = done["normals"]
    valid = normals[0] != 255
    np.testing.assert_allclose(np.linalg.norm(normals[:, valid], axis=0), 1, atol=1e-5)
    assert (normals[:, ~valid] == 255).all()
    given_ones = {tuple(normal) for normal in np.abs(raw["normals"].reshape(-1, 3)[:, :1])}
    assert {tuple(normal) for normal in np.abs(normals[:1, valid].T)} <= given_ones
    assert set(normals[1][valid]) <= set(raw["normals"][..., 1].ravel())


@given(SIZES, SIZES, SEEDS, st.floats(0.5, 2))
def test_depth_is_divided_by_the_scale(shape: Shape, size: Shape, seed: int, scale: float) -> None:
    _, done = transformed(shape, size, seed, scale=(scale, scale))
    valid = done["depth"][done["depth"] != 255]
    expected = (np.array([1, 2, 4], np.float32) / np.float32(scale)).tolist()
    assert all(np.isclose(expected, value, rtol=1e-6).any() for value in np.unique(valid))


@given(SIZES, SEEDS)
def test_flipped_twice_is_not_flipped(shape: Shape, seed: int) -> None:
    raw = sample(shape, seed)
    mirror = Window(shape, shape, (0, 0), shape, flipped=True)
    still = Window(shape, shape, (0, 0), shape)
    for name, values in raw.items():
        see = mirror.bilinear if name == "image" else mirror.nearest
        np.testing.assert_array_equal(see(see(values)), values)
        np.testing.assert_array_equal(see(values), values[:, ::-1])
        np.testing.assert_array_equal((still.bilinear if name == "image" else still.nearest)(values), values)


@given(SIZES, SIZES, SEEDS)
def test_padding_is_centred_and_the_picture_is_in_it(shape: Shape, size: Shape, seed: int) -> None:
    raw, done = transformed(shape, size, seed)
    generator = np.random.default_rng(seed)
    window = draw_window(shape, size, generator, scale=(0.5, 2.0), flip=True, classes=raw["semseg"])
    top, left = padding(window.shape, size)
    bottom, right = (whole - part - first for whole, part, first in zip(size, window.shape, (top, left), strict=True))
    assert 0 <= bottom - top <= 1
    assert 0 <= right - left <= 1
    shown = np.zeros(size, bool)
    unpad(shown, window.shape)[...] = True
    assert ((done["sal"] != 255) == shown).all()
    assert not done["image"][:, ~shown].any()


@given(SIZES, SIZES, SEEDS)
def test_maps_of_one_picture_stay_aligned(shape: Shape, size: Shape, seed: int) -> None:
    raw = sample(shape, seed)
    raw["edge"] = raw["semseg"].astype(np.float32)
    done = train_transform(raw, size, np.random.default_rng(seed), tasks=TASKS)
    np.testing.assert_array_equal(done["edge"], done["semseg"])


@given(SIZES, SIZES, SEEDS)
def test_what_a_task_is_called_does_not_matter(shape: Shape, size: Shape, seed: int) -> None:
    raw, done = transformed(shape, size, seed)
    names = {name: f"my-{name}" for name in TASKS}
    tasks = {names[name]: replace(task, name=names[name]) for name, task in TASKS.items()}
    renamed = {names.get(name, name): values for name, values in raw.items()}
    again = train_transform(renamed, size, np.random.default_rng(seed), tasks=tasks)
    assert again.keys() == renamed.keys()
    for name, values in done.items():
        np.testing.assert_array_equal(again[names.get(name, name)], values)
    for name, task in TASKS.items():
        half = (max(1, shape[0] // 2), max(1, shape[1] // 2))
        small = task.shrunk(raw[name], shape, half)
        np.testing.assert_array_equal(tasks[names[name]].shrunk(raw[name], shape, half), small)


@given(SIZES, SIZES, SEEDS)
def test_places_are_seen_where_the_pixels_are(shape: Shape, size: Shape, seed: int) -> None:
    window = draw_window(shape, size, np.random.default_rng(seed), scale=(0.5, 2.0), flip=True)
    rows, columns = np.indices(shape).astype(float)
    x, y = window.places(np.stack([columns.ravel(), rows.ravel()], axis=1)).T.reshape(2, *shape)
    across, down = window.nearest(x), window.nearest(y)
    reach = [0.5 * max(1, scaled / original) for original, scaled in zip(shape, window.scaled, strict=True)]
    assert abs(across - np.arange(window.shape[1])[None]).max() <= reach[1] + 1e-9
    assert abs(down - np.arange(window.shape[0])[:, None]).max() <= reach[0] + 1e-9
