"""Reading the two kinds of .mat files of PASCAL-Context: part annotations and label maps."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, Shaped
from scipy.io import loadmat

from fedhca.data.matlab_elements import require_small
from fedhca.data.picture_file import content_of, unreadable
from fedhca.errors import DataError

MOST = np.iinfo(np.uint16).max
"""The greatest class index that a label map may hold: the archive's are 16-bit."""


def read_variable(path: Path, name: str, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
    """Return one variable of a .mat file (format 5); `content` spares reading a file whose bytes are at hand.

    Raises:
        DataError: the file is missing, cannot be read, or does not hold the variable.

    """
    content = content_of(path) if content is None else content
    try:
        require_small(content)
        file: Any = BytesIO(content)
        found = loadmat(file)  # takes open files too, whatever its stubs say
    except Exception as cause:  # a broken file can make the reader raise nearly anything
        raise unreadable(path, "a MATLAB file of format 5", cause, content) from cause
    if name not in found:
        names = ", ".join(key for key in found if not key.startswith("__")) or "nothing"
        raise DataError(f"{path}: expected variable `{name}`; found {names}. Copy the file again.")
    return np.asarray(found[name])


def label_map(path: Path, content: bytes | None = None) -> Integer[np.ndarray, "y x"]:
    """Return `LabelMap`, the index of one of about 460 classes at each pixel; DataError where there is none."""
    labels = read_variable(path, "LabelMap", content)
    if labels.ndim != 2 or labels.dtype.kind not in "iuf" or not labels.size:
        raise _no_classes(path, f"{labels.dtype} {list(labels.shape)}")
    wrong = labels[~((labels >= 0) & (labels <= MOST) & (labels % 1 == 0))]
    if wrong.size:
        raise _no_classes(path, f"{wrong[0]}")
    return labels.astype(np.int64)


def _no_classes(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: expected `LabelMap` [y, x] of class indices, 0 to {MOST}; found {found}. Copy the file again."
    )
