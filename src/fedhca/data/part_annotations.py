"""From a pascal-part annotation to a label map of human parts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from fedhca.data.matlab import read_variable
from fedhca.errors import DataError, RecipeError
from fedhca.tasks.human_parts import HEAD, LOWER_ARM, LOWER_LEG, TORSO, UPPER_ARM, UPPER_LEG
from fedhca.tasks.task import IGNORE

PERSON = 15
"""The class index of a person among the object classes of PASCAL VOC."""

PARTS = {
    **dict.fromkeys(["hair", "head", "lear", "rear", "lebrow", "rebrow", "leye", "reye", "mouth", "nose"], HEAD),
    **dict.fromkeys(["torso", "neck"], TORSO),
    **dict.fromkeys(["luarm", "ruarm"], UPPER_ARM),
    **dict.fromkeys(["llarm", "rlarm", "lhand", "rhand"], LOWER_ARM),
    **dict.fromkeys(["luleg", "ruleg"], UPPER_LEG),
    **dict.fromkeys(["llleg", "rlleg", "lfoot", "rfoot"], LOWER_LEG),
}
"""The channel of each part name; 0 is background."""

COARSER = {
    7: np.arange(7, dtype=np.uint8),
    5: np.array([0, 1, 2, 3, 3, 4, 4], np.uint8),
    2: np.array([0, 1, 1, 1, 1, 1, 1], np.uint8),
}
"""The usual choices of channels: six parts; head, torso, arms, legs; whole persons. Indexed by the channel of 7."""


def object_classes(path: Path, content: bytes | None = None) -> list[int]:
    """Return the class index of each annotated object; DataError where the file is not a pascal-part annotation."""
    return [kind for kind, _, _ in _objects(path, content)]


def parts_label(
    path: Path, shape: tuple[int, int], parts: int = 7, content: bytes | None = None
) -> UInt8[np.ndarray, "y x"]:
    """Return the label map of human parts: the union over all persons of the picture, 255 if there is none.

    Args:
        path: the annotation.
        shape: height and width of the picture; the masks must have it.
        parts: channels, background included: 7, 5 or 2.
        content: the bytes of the annotation, if they are at hand.

    Raises:
        RecipeError: `parts` is none of the three.
        DataError: the file is missing or broken, a part has an unknown name, or a mask has another size.

    """
    if parts not in COARSER:
        raise RecipeError(f"`parts` should be one of {sorted(COARSER)} channels. Found `parts = {parts}`.")
    persons = [(mask, pieces) for kind, mask, pieces in _objects(path, content) if kind == PERSON]
    if not persons:
        return np.full(shape, IGNORE, np.uint8)
    label = np.zeros(shape, np.uint8)
    for person, pieces in persons:
        _same_size(path, person, shape)
        for name, mask in pieces:
            label[_same_size(path, mask, shape)] = _channel(path, name)
    return COARSER[parts][label]


_Mask = Bool[np.ndarray, "_ _"]


def _objects(path: Path, content: bytes | None) -> Iterator[tuple[int, _Mask, list[tuple[str, _Mask]]]]:
    """Yield class index, mask and (name, mask) of the parts of each object."""
    annotation = read_variable(path, "anno", content)
    try:
        for thing in np.ravel(np.ravel(annotation)[0]["objects"]):
            parts = [
                (str(np.ravel(part["part_name"])[0]), np.asarray(part["mask"], dtype=bool))
                for part in np.ravel(thing["parts"])
            ]
            yield int(np.ravel(thing["class_ind"])[0]), np.asarray(thing["mask"], dtype=bool), parts
    except (IndexError, KeyError, TypeError, ValueError) as cause:
        expected = f"{path}: expected a pascal-part annotation (anno: objects with class_ind, mask and parts)"
        raise DataError(f"{expected}; found another structure ({cause}). Copy the file again.") from cause


def _channel(path: Path, name: str) -> int:
    if name not in PARTS:
        mend = "Rename the part."
        raise DataError(f"{path}: expected the part names of a person ({', '.join(PARTS)}); found '{name}'. {mend}")
    return PARTS[name]


def _same_size(path: Path, mask: _Mask, shape: tuple[int, int]) -> _Mask:
    if mask.shape != shape:
        raise DataError(
            f"{path}: expected masks of the picture's size, {shape[0]} × {shape[1]} pixels; found "
            f"{' × '.join(map(str, mask.shape))}. Take picture and annotation from one release."
        )
    return mask
