"""Which kind of task stored values may be labels of."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Shaped

from fedhca.tasks.task import IGNORE

WORDS = {
    "depth": ("depth", "disparity"),
    "normals": ("normal",),
    "edge": ("edge", "boundar", "contour"),
    "sal": ("sal",),
    "human_parts": ("part",),
}
"""Parts of names that tell the kind of what a folder holds."""
FEW, LINES = 4, 0.2
"""Distinct values of a mask, beside those of soft borders; most of a map of edges that lies inside of areas."""


def kind_of_name(name: str) -> str:
    """Return the kind of labels that a folder is called by, in small letters; empty where its name does not tell."""
    return next((kind for kind, parts in WORDS.items() if any(part in name for part in parts)), "")


def guess_kind(name: str, arrays: Sequence[Shaped[np.ndarray, "y x ..."]]) -> tuple[str, dict[str, object], str]:
    """Return the kind of task that stored values are labels of, keys of its description, and what was seen.

    Args:
        name: of the folder, in small letters.
        arrays: some of its files.

    """
    word = kind_of_name(name)
    first = arrays[0]
    if any(array.shape[2:] != first.shape[2:] or array.dtype.kind != first.dtype.kind for array in arrays):
        return "", {}, "files of several kinds"
    if first.ndim == 3:
        return _colours(word, arrays)
    if first.dtype.kind == "f":
        return _distances(arrays)
    return _numbers(word, arrays)


def _numbers(word: str, arrays: Sequence[Shaped[np.ndarray, "y x"]]) -> tuple[str, dict[str, object], str]:
    values = np.unique(np.concatenate([np.unique(array) for array in arrays])).astype(np.int64)
    if word == "depth" or (not word and values.max() > IGNORE and len(values) > IGNORE):
        unit = "millimetres" if values.max() > IGNORE else "metres"
        return "depth", {"unit": unit}, f"whole numbers up to {values.max()}"
    if word in {"edge", "sal"}:
        return word, _white(values), f"values up to {values.max()}"
    if word != "human_parts" and _is_mask(values):
        lines = np.mean([_inside(array > 0) for array in arrays]) < LINES
        found = "lines" if lines else "areas"
        return "edge" if lines else "sal", _white(values), f"{found} of {values.max()} on {values.min()}"
    return _classes(word or "semseg", values)


def _colours(word: str, arrays: Sequence[Shaped[np.ndarray, "y x c"]]) -> tuple[str, dict[str, object], str]:
    vectors = [array[::7, ::7] * (2 / 255) - 1 if array.dtype == np.uint8 else array[::7, ::7] for array in arrays]
    lengths = np.concatenate([np.linalg.norm(each, axis=-1).ravel() for each in vectors])
    lengths = lengths[(lengths > 0) & (np.abs(lengths - np.sqrt(3)) > 0.01)]  # zeros, black and white: no label
    if word == "normals" or (lengths.size and np.mean(np.abs(lengths - 1) < 0.1) > 0.9):
        black = any((array == 0).all(axis=2).any() for array in arrays) and arrays[0].dtype == np.uint8
        return "normals", {"invalid": [0, 0, 0]} if black else {}, "colours that are unit vectors"
    return "", {}, "colours; class indices are needed: one channel, or a palette"


def _distances(arrays: Sequence[Shaped[np.ndarray, "y x"]]) -> tuple[str, dict[str, object], str]:
    known = np.concatenate([array[np.isfinite(array) & (array > 0)].ravel()[::17] for array in arrays])
    middle = float(np.median(known)) if known.size else 0.0
    unit = "millimetres" if middle > 200 else "metres"
    return "depth", {"unit": unit}, f"real numbers, median {middle:.3g}"


def _inside(mask: Bool[np.ndarray, "y x"]) -> float:
    """Return which share of a mask's pixels lies inside of it; none of a line does."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    return float(inner.sum() / max(1, mask.sum()))


def _is_mask(values: np.ndarray) -> bool:
    """Whether values are black and white, with soft borders or none."""
    return bool(values.min() == 0 and values.max() == IGNORE and (len(values) < FEW or len(values) > 128))


def _white(values: np.ndarray) -> dict[str, object]:
    return {"white": 1} if values.max() == 1 else {}


def _classes(kind: str, values: np.ndarray) -> tuple[str, dict[str, object], str]:
    classes = values[values != IGNORE]
    count = int(classes.max(initial=0)) + 1
    ignored = " and 255" if IGNORE in values else ""
    if count > IGNORE:
        return "", {}, f"whole numbers up to {values.max()}; at most {IGNORE} classes can be"
    return kind, {"classes": count}, f"values from {classes.min(initial=count)} to {count - 1}{ignored}"
