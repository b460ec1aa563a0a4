"""Data folders in the two standard layouts, at the sizes of the real ones, painted from nothing."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from fedhca.data.synthetic import Figures, Rooms

NOISE = 6.0
"""Levels of a camera's grain: files of smooth paintings would be read too quickly."""


def nyud(root: Path, count: int, shape: tuple[int, int] = (425, 560)) -> Path:
    """Write rooms in the layout of NYUD-v2: image, classes, depth, normals and edges."""
    scenes, draw = Rooms(count, size=shape), np.random.default_rng(0)
    names = [f"{index:04}" for index in range(count)]
    _list(root / "gt_sets" / "train.txt", names)
    for index, name in enumerate(names):
        sample = scenes.read(index, ["semseg", "depth", "normals", "edge"])
        _picture(root / "images" / f"{name}.png", _grain(sample["image"], draw))
        _picture(root / "segmentation" / f"{name}.png", sample["semseg"] + np.uint8(1))
        _picture(root / "normals" / f"{name}.png", _colours(sample["normals"]))
        _picture(root / "edge" / f"{name}.png", (255 * (sample["edge"] > 0)).astype(np.uint8))
        path = root / "depth" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, sample["depth"])
    return root


def pascal_context(root: Path, count: int, shape: tuple[int, int] = (375, 500)) -> Path:
    """Write figures in the layout of PASCAL-Context: image, classes, human parts, saliency, normals and edges."""
    scenes, draw = Figures(count, size=shape), np.random.default_rng(0)
    names = [f"2008_{index:06}" for index in range(count)]
    _list(root / "ImageSets" / "Context" / "train.txt", names)
    for index, name in enumerate(names):
        sample = scenes.read(index, ["semseg", "human_parts", "sal", "normals"])
        _picture(root / "JPEGImages" / f"{name}.jpg", _grain(sample["image"], draw))
        _picture(root / "semseg" / "VOC12" / f"{name}.png", sample["semseg"])
        _picture(root / "sal_distill" / f"{name}.png", (255 * (sample["sal"] == 1)).astype(np.uint8))
        _picture(root / "normals_distill" / f"{name}.png", _colours(sample["normals"]))
        _matlab(root / "pascal-context" / "trainval" / f"{name}.mat", {"LabelMap": sample["semseg"].astype(np.uint16)})
        _matlab(root / "human_parts" / f"{name}.mat", {"anno": _annotation(name, sample["human_parts"])})
    (root / "ImageSets" / "Parts").mkdir(exist_ok=True)
    (root / "ImageSets" / "Parts" / "train.txt").write_text(json.dumps({name: [15] for name in names}))
    (root / "json").mkdir(exist_ok=True)
    (root / "json" / "nyu_classes.json").write_text(json.dumps(["wall", "floor"]))
    (root / "json" / "context_classes.json").write_text(json.dumps({"wall": 0, "floor": 1, "tvmonitor": 2}))
    return root


PARTS = ("hair", "torso", "luarm", "llarm", "luleg", "llleg")


def _annotation(name: str, parts: np.ndarray) -> dict[str, object]:
    """Return one person with a mask for each part that is seen."""
    masks = {part: parts == number for number, part in enumerate(PARTS, 1) if (parts == number).any()}
    pieces: np.ndarray = np.zeros((1, len(masks)), [("part_name", object), ("mask", object)])
    for piece, (part, mask) in zip(pieces[0], masks.items(), strict=True):
        piece["part_name"], piece["mask"] = part, mask.astype(np.uint8)
    things = np.zeros((1, 1), [(key, object) for key in ("class", "class_ind", "mask", "parts")])
    thing = things[0, 0]
    thing["class"], thing["class_ind"], thing["parts"] = "person", 15, pieces
    thing["mask"] = np.isin(parts, range(1, 7)).astype(np.uint8)
    return {"imname": name, "objects": things}


def _grain(image: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return np.clip(image + draw.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)


def _colours(normals: np.ndarray) -> np.ndarray:
    return np.clip((normals + 1) / 2 * 255, 0, 255).round().astype(np.uint8)


def _picture(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def _matlab(path: Path, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, values, do_compression=True)


def _list(path: Path, names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))
