"""Which kind of task stored values may be labels of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Shaped

from fedhca.data.described.class_maps import distinct_colours
from fedhca.data.described.label import axes_mend, channels
from fedhca.data.image import plane
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
FULL = 65535
"""The greatest value of 16 bits: no label."""
NO_LABEL = (-1, IGNORE, FULL)
"""Values that mean no label in maps of classes."""
KITTI = 256
"""What stands for one metre in KITTI's depth."""


@dataclass(frozen=True)
class Kind:
    """What stored values may be labels of.

    Attributes:
        name: of the kind of task; empty if it cannot be told.
        keys: of the description beside `kind`, with their values.
        why: what was seen, in a few words.
        doubt: another reading that the values allow, if there is one.

    """

    name: str = ""
    keys: Mapping[str, object] = field(default_factory=dict)
    why: str = ""
    doubt: str = ""


def guess_kind(name: str, arrays: Sequence[Shaped[np.ndarray, "y x ..."]]) -> Kind:
    """Return the kind of task that stored values are labels of.

    Args:
        name: of the folder, in small letters.
        arrays: some of its files.

    """
    word = next((kind for kind, parts in WORDS.items() if any(part in name for part in parts)), "")
    real = {array.dtype.kind == "f" for array in arrays}
    odd = next((array for array in arrays if axes_mend(array)), None)
    if odd is not None:
        return Kind(why=f"arrays {channels(odd)}. {axes_mend(odd)}")
    if len(real) > 1:
        return Kind(why="some files of whole numbers, some of real numbers. Save all alike.")
    arrays = [plane(array) for array in arrays]
    if any(array.ndim == 3 for array in arrays):
        return _colours(word, arrays)
    known = [array[np.isfinite(array)] for array in arrays]
    if any((array % 1 != 0).any() for array in known):
        return _fractions(word, known)
    return _numbers(word, arrays, np.unique(np.concatenate([np.unique(array) for array in known])).astype(np.int64))


def _numbers(word: str, arrays: Sequence[Shaped[np.ndarray, "y x"]], values: Shaped[np.ndarray, "_"]) -> Kind:
    if not len(values):
        return Kind(why="no finite number")
    if word == "depth" or (not word and values.max() > IGNORE and len(values) > IGNORE):
        return _depth(np.concatenate([array[array > 0].ravel()[::17] for array in arrays]), values)
    if word in {"edge", "sal"}:
        return Kind(word, _white(values), f"values up to {values.max()}")
    if word != "human_parts" and _is_mask(values):
        lines = np.mean([_inside(array > 0) for array in arrays]) < LINES
        found = "lines" if lines else "areas"
        return Kind("edge" if lines else "sal", _white(values), f"{found} of {values.max()} on {values.min()}")
    return _classes(word or "semseg", values)


def _depth(known: Shaped[np.ndarray, "_"], values: Shaped[np.ndarray, "_"]) -> Kind:
    why = f"whole numbers up to {values.max()}"
    middle = float(np.median(known[known < FULL])) if (known < FULL).any() else 0.0
    if values.max() <= IGNORE:
        doubt = f"half of it within {middle:.3g} m; where depth was drawn with 8 bits, its values are no distances"
        return Kind("depth", {"unit": "metres"}, why, doubt)
    doubt = (
        f"half of it within {middle / 1000:.3g} m; if {KITTI} stands for 1 m, as in KITTI, set unit: {1 / KITTI}: "
        f"then half of it is within {middle / KITTI:.3g} m"
    )
    return Kind("depth", {"unit": "millimetres"}, why, doubt)


def _colours(word: str, arrays: Sequence[Shaped[np.ndarray, "y x ..."]]) -> Kind:
    vectors = [array[::7, ::7] for array in arrays if array.ndim == 3 and array.shape[2] == 3]
    eight_bits = all(array.dtype == np.uint8 for array in arrays)
    lengths = np.concatenate(
        [np.linalg.norm(each * (2 / 255) - 1 if eight_bits else each, axis=-1).ravel() for each in vectors] or [[]]
    )
    lengths = lengths[(lengths > 0) & (np.abs(lengths - np.sqrt(3)) > 0.01)]  # zeros, black and white: no label
    if word == "normals" or (lengths.size and np.mean(np.abs(lengths - 1) < 0.1) > 0.9):
        black = any((array == 0).all(axis=-1).any() for array in arrays if array.ndim == 3) and eight_bits
        return Kind("normals", {"invalid": [0, 0, 0]} if black else {}, "colours that are unit vectors")
    if not eight_bits or word == "depth":
        several = next(array for array in arrays if array.ndim == 3)
        return Kind(why=f"{several.dtype}, {channels(several)}; depth has one channel, normals three of unit vectors")
    found = sorted({colour for array in arrays for colour in distinct_colours(array)})
    if len(found) > IGNORE:
        return Kind(why=f"{len(found)} colours; at most {IGNORE} classes can be. Export labels without smoothing.")
    kind = "human_parts" if word == "human_parts" else "semseg"
    return Kind(
        kind, {"colours": {f"class_{index}": [*each] for index, each in enumerate(found)}}, f"{len(found)} colours"
    )


def _fractions(word: str, known: Sequence[Shaped[np.ndarray, "_"]]) -> Kind:
    if word in {"edge", "sal"}:
        return Kind(word, {"white": 1} if max(map(np.max, known)) <= 1 else {}, "real numbers")
    positive = np.concatenate([array[array > 0][::17] for array in known])
    middle = float(np.median(positive)) if positive.size else 0.0
    return Kind("depth", {"unit": "millimetres" if middle > 200 else "metres"}, f"real numbers, median {middle:.3g}")


def _inside(mask: Bool[np.ndarray, "y x"]) -> float:
    """Return which share of a mask's pixels lies inside of it; none of a line does."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    return float(inner.sum() / max(1, mask.sum()))


def _is_mask(values: np.ndarray) -> bool:
    """Whether values are black and white, with soft borders or none."""
    return bool(values.min() == 0 and values.max() == IGNORE and (len(values) < FEW or len(values) > 128))


def _white(values: np.ndarray) -> dict[str, object]:
    return {"white": 1} if values.max() == 1 else {}


def _classes(kind: str, values: np.ndarray) -> Kind:
    none = [value for value in NO_LABEL if value in values]
    classes = values[~np.isin(values, none)]
    count = int(classes.max(initial=0)) + 1
    if count > IGNORE or classes.min(initial=0) < 0:
        return Kind(why=f"whole numbers from {values.min()} to {values.max()}; classes are 0 to {IGNORE - 1}")
    ignore = {} if none in ([], [IGNORE]) else {"ignore": none if len(none) > 1 else none[0]}
    beside = f" and {' and '.join(map(str, none))}" if none else ""
    return Kind(kind, {"classes": count, **ignore}, f"values from {classes.min(initial=count)} to {count - 1}{beside}")
