"""Which pictures of a folder are for training, and which for testing."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from fedhca.data.described.dataset_description import FILE, DataSetDescription
from fedhca.data.described.files import picture_name, require_inside
from fedhca.data.listing import read_list
from fedhca.errors import DataError

TRAIN, VAL = "train", "val"


def split_of(root: Path, description: DataSetDescription, names: Collection[str], split: str) -> list[str]:
    """Return the names of a split's pictures.

    Without a list for it, training has all that testing has not.

    Args:
        root: of the data set.
        description: what it says of itself.
        names: of all pictures.
        split: `train` or `val`.

    Raises:
        DataError: a list is missing or broken, nothing is left for a split, or a picture is in both.

    """
    test = _test(root, description, names)
    if split == VAL:
        return test
    if description.train is None:
        rest = [name for name in names if name not in {*test}]
    else:
        rest = _listed(root, description.train)
        both = next((name for name in rest if name in {*test}), None)
        if both:
            expected = f"{root / description.train}: expected pictures for training alone"
            raise DataError(f"{expected}; found '{both}', which is also for testing. Take it out of one list.")
    if not rest:
        raise DataError(f"{root / FILE}: expected pictures for training; found none that `val` leaves. Add pictures.")
    return rest


def _test(root: Path, description: DataSetDescription, names: Collection[str]) -> list[str]:
    if isinstance(description.val, str):
        return _listed(root, description.val)
    mine = _listed(root, description.train) if description.train else []
    free = sorted({*names} - {*mine})
    count = max(1, round(description.val * len(names)))
    if len(free) < count or len(names) < 2:
        expected = f"{root / FILE}: expected at least {max(2, count)} pictures, one for testing and one for training"
        raise DataError(f"{expected}; found {len(free)} to choose from. Add pictures, or lower `val`.")
    order = np.random.default_rng(description.seed).permutation(len(free))
    return sorted(free[index] for index in order[:count])


def _listed(root: Path, file: str) -> list[str]:
    """Return the names in a list; endings of pictures may stand behind them."""
    path = root / file
    if path.is_file():
        require_inside(root, path)
    names = [picture_name(name) for name in read_list(path, root)]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice:
        raise DataError(f"{path}: expected each picture once; found '{twice}' more than once. Take the others out.")
    return names
