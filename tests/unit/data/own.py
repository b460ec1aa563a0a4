"""Folders as people have them: synthetic scenes written down as pictures, labels and a dataset.yaml."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from folders import save

from fedhca.data.source import Source
from fedhca.data.synthetic import Figures, Rooms
from fedhca.experiment.recipes import to_yaml

ROOMS = ("semseg", "depth", "normals", "edge")
FIGURES = ("semseg", "human_parts", "sal", "edge")


def millimetres(depth: np.ndarray) -> np.ndarray:
    return np.where(depth == 255, 0, np.round(depth * 1000)).astype(np.uint16)


def colours(normals: np.ndarray) -> np.ndarray:
    return np.where(normals == 255, 0, np.round((normals + 1) / 2 * 255)).astype(np.uint8)


STORED = {
    "semseg": lambda label: label,
    "human_parts": lambda label: label,
    "depth": millimetres,
    "normals": colours,
    "edge": lambda label: np.where(label == 255, 0, label * 255).astype(np.uint8),
    "sal": lambda label: np.where(label == 255, 0, label * 255).astype(np.uint8),
}
MORE: dict[str, dict[str, Any]] = {
    "semseg": {"classes": 12},
    "depth": {"unit": "millimetres"},
    "normals": {"invalid": [0, 0, 0]},
}
"""What dataset.yaml says of a task beside its kind."""


def described(tasks: Sequence[str], source: Source | None = None) -> dict[str, Any]:
    """Return the values of a dataset.yaml."""
    found = {task: {"kind": task, **MORE.get(task, {})} for task in tasks}
    if source is not None and "semseg" in found:
        found["semseg"]["classes"] = [*type(source).classes]  # type: ignore[attr-defined]
    return {"tasks": found, "val": 0.25}


def write(root: Path, source: Source, tasks: Sequence[str]) -> Path:
    """Write all pictures of a source with labels and a dataset.yaml."""
    for index in range(len(source)):
        sample, name = source.read(index, tasks), source.identifier(index)
        save(root / "images" / f"{name}.png", sample["image"])
        for task in tasks:
            save(root / task / f"{name}.png", STORED[task](sample[task]))
    return describe(root, described(tasks, source))


def describe(root: Path, values: dict[str, Any]) -> Path:
    """Write a dataset.yaml."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.yaml").write_text(to_yaml(values))
    return root


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def rooms(root: Path, count: int = 4, tasks: Sequence[str] = ROOMS, size: tuple[int, int] = (32, 48)) -> Path:
    """Write rooms, `room-train-000000` and so on."""
    return write(root, Rooms(count, size=size), tasks)


def figures(root: Path, count: int = 4, tasks: Sequence[str] = FIGURES, size: tuple[int, int] = (48, 32)) -> Path:
    """Write people and animals, `figure-train-000000` and so on."""
    return write(root, Figures(count, size=size), tasks)
