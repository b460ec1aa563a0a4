"""Surface normals from 8-bit RGB."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Integer, UInt8

from fedhca.data.listing import read_json
from fedhca.errors import DataError
from fedhca.tasks.task import IGNORE

_COMPONENT = (2.0 * np.arange(256) / 255.0 - 1.0).astype(np.float32)


def decode_normals(
    colours: UInt8[np.ndarray, "y x 3"], valid: Bool[np.ndarray, "y x"] | None = None
) -> Float32[np.ndarray, "y x 3"]:
    """Return n = 2v/255 − 1, as stored (not renormalised), and 255 where n is zero or `valid` is false.

    No 8-bit colour decodes to exactly zero: where a data set has holes, it has to say so by `valid`.
    """
    normals = _COMPONENT[colours]
    if valid is not None:
        normals[~valid] = IGNORE
    return normals


def common_classes(nyu_path: Path, context_path: Path, *, unknown: bool = False) -> list[int]:
    """Return the PASCAL-Context indices of the classes that NYU has too, and of the television.

    Normals of PASCAL-Context come from a network trained on NYU's rooms; they count only on things found there.
    `tvmonitor` is added by hand, as NYU spells it in another way. `unknown`, a name that both lists hold, is no thing.

    Args:
        nyu_path: JSON, the names of NYU's classes: a list, or an object whose keys they are.
        context_path: JSON, from each name of a PASCAL-Context class to its index.
        unknown: whether to take `unknown` for a class, too.

    Raises:
        DataError: a file is missing, broken or of another structure.

    """
    nyu, context = read_json(nyu_path), read_json(context_path)
    if not isinstance(nyu, list | dict):
        raise DataError(f"{nyu_path}: expected the names of classes; found {type(nyu).__name__}. Copy the file again.")
    if not isinstance(context, dict) or "tvmonitor" not in context:
        expected = f"{context_path}: expected JSON from class names to indices, 'tvmonitor' among them"
        raise DataError(f"{expected}; found none. Copy the file again.")
    names = {"tvmonitor", *nyu} - (set() if unknown else {"unknown"})
    found = {name: context[name] for name in names if name in context}
    for name, index in found.items():
        if type(index) is not int:
            raise DataError(f"{context_path}: expected the index of '{name}'; found {index!r}. Copy the file again.")
    return sorted({*found.values()})


def on_classes(labels: Integer[np.ndarray, "y x"], classes: Iterable[int]) -> Bool[np.ndarray, "y x"]:
    """Return where a label map shows one of `classes`."""
    return np.isin(labels, list(classes))
