"""What the labels of one picture have to agree on: its size, and the number of classes."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from fedhca.errors import DataError
from fedhca.tasks.task import IGNORE


def check_size(path: Path, label: Shaped[np.ndarray, "y x ..."], picture: Path, shape: tuple[int, int]) -> None:
    """Raise DataError, naming both files, where a label has not the picture's height and width."""
    if label.shape[:2] != shape:
        raise DataError(
            f"{path}: expected the size of its picture {picture}, {shape[0]} × {shape[1]} pixels; found "
            f"{label.shape[0]} × {label.shape[1]}. Resize the label to that, each pixel the nearest one, or take both "
            "from one release."
        )


def check_classes(path: Path, label: UInt8[np.ndarray, "y x"], classes: int, stored: int = 0) -> None:
    """Raise DataError where a class index is neither below `classes` nor 255.

    Args:
        path: the file the label was read from.
        label: class indices.
        classes: how many classes the task has.
        stored: what the file adds to a class index.

    """
    wrong = label[(label >= classes) & (label != IGNORE)]
    if wrong.size:
        value = int(wrong.max())
        raise DataError(
            f"{path}: expected values of {classes} classes, {stored} to {classes - 1 + stored}; found "
            f"{value + stored}. Set `classes` to at least {value + 1}, or correct the label."
        )
