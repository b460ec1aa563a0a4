"""Tiny data folders in the two standard layouts, made from nothing, and what the tests share around them."""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from fedhca.errors import DataError

SHAPE = (24, 32)
NAMES = ("a1", "a2", "a3")


def real_data(folder: str) -> Path:
    """Return a folder of the real photographs, or skip the test where there are none."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    root = Path(os.environ.get("FEDHCA_SHARED", beside)) / "realdata" / folder
    if not root.is_dir():
        pytest.skip(f"no real photographs at {root}: set FEDHCA_SHARED to the folder that holds realdata/")
    return root


def one_line(act: Callable[[], object], *words: str) -> None:
    """Check that something raises a DataError of one line with all of `words` in it."""
    with pytest.raises(DataError) as caught:
        act()
    line = str(caught.value)
    assert "\n" not in line
    for word in (*words, "expected", "found"):
        assert word in line, line


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


def save_list(path: Path, names: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


def nyud(root: Path, names: Sequence[str] = NAMES, split: str = "train", shape: tuple[int, int] = SHAPE) -> Path:
    """Write a folder in the layout of NYUD-v2."""
    generator = np.random.default_rng(0)
    save_list(root / "gt_sets" / f"{split}.txt", names)
    for name in names:
        save(root / "images" / f"{name}.png", generator.integers(0, 256, (*shape, 3), dtype=np.uint8))
        save(root / "segmentation" / f"{name}.png", generator.integers(0, 41, shape, dtype=np.uint8))
        save(root / "depth" / f"{name}.npy", generator.uniform(0.5, 9, shape).astype(np.float32))
        save(root / "normals" / f"{name}.png", generator.integers(0, 256, (*shape, 3), dtype=np.uint8))
        save(root / "edge" / f"{name}.png", generator.choice(np.array([0, 255], np.uint8), shape))
    return root


Object = tuple[int, np.ndarray, Mapping[str, np.ndarray]]


def save_annotation(path: Path, objects: Sequence[Object]) -> Path:
    """Write a pascal-part annotation of (class index, mask, part name → mask)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    things = np.zeros((1, len(objects)), [(key, object) for key in ("class", "class_ind", "mask", "parts")])
    for thing, (kind, mask, parts) in zip(things[0], objects, strict=True):
        pieces: np.ndarray = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for piece, (name, part) in zip(pieces[0], parts.items(), strict=True):
            piece["part_name"], piece["mask"] = name, part.astype(np.uint8)
        thing["class"], thing["class_ind"] = f"class{kind}", kind
        thing["mask"], thing["parts"] = mask.astype(np.uint8), pieces if parts else np.zeros((0, 0))
    savemat(path, {"anno": {"imname": path.stem, "objects": things}})
    return path


def rectangle(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return a mask that is true from (top, left) to before (bottom, right)."""
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def pascal_context(
    root: Path,
    names: Sequence[str] = NAMES,
    split: str = "train",
    people: Collection[str] = ("a1",),
    list_people: bool = True,
    shape: tuple[int, int] = SHAPE,
) -> Path:
    """Write a folder in the layout of PASCAL-Context; `people` are the names of pictures with a person."""
    generator = np.random.default_rng(0)
    save_list(root / "ImageSets" / "Context" / f"{split}.txt", names)
    for name in names:
        save(root / "JPEGImages" / f"{name}.jpg", generator.integers(0, 256, (*shape, 3), dtype=np.uint8))
        classes = generator.integers(0, 21, shape, dtype=np.uint8)
        save(
            root / "semseg" / "VOC12" / f"{name}.png", np.where(rectangle(0, 0, 2, 2, shape), 255, classes).astype("u1")
        )
        save(root / "sal_distill" / f"{name}.png", generator.integers(0, 256, shape, dtype=np.uint8))
        save(root / "normals_distill" / f"{name}.png", generator.integers(0, 256, (*shape, 3), dtype=np.uint8))
        labels = np.where(rectangle(4, 4, 12, 20, shape), 5, 360).astype(np.uint16)
        labels[-3:] = 427
        labels[-3:, :3] = 431
        path = root / "pascal-context" / "trainval" / f"{name}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {"LabelMap": labels})
        dog: Object = (12, rectangle(0, 0, 4, 4, shape), {"head": rectangle(0, 0, 2, 2, shape)})
        person: Object = (15, rectangle(5, 5, 20, 15, shape), {"hair": rectangle(5, 5, 8, 15, shape)})
        save_annotation(root / "human_parts" / f"{name}.mat", [dog, person] if name in people else [dog])
    if list_people:
        classes_of = {name: [12, 15] if name in people else [12] for name in names}
        (root / "ImageSets" / "Parts").mkdir(exist_ok=True)
        (root / "ImageSets" / "Parts" / f"{split}.txt").write_text(json.dumps(classes_of))
    (root / "json").mkdir(exist_ok=True)
    (root / "json" / "nyu_classes.json").write_text(json.dumps({"bed": 1, "wall": 2, "unknown": 20}))
    indices = {"bed": 5, "sky": 360, "tvmonitor": 427, "unknown": 431}
    (root / "json" / "context_classes.json").write_text(json.dumps(indices))
    return root
