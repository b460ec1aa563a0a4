"""A data set of the datasets library: pictures in one column, the labels of each task in another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import UInt8

from fedhca.data.described.described_source import Described, Stored
from fedhca.data.described.label import Label
from fedhca.data.described.splits import TRAIN
from fedhca.data.described.table_files import columns_of, open_table
from fedhca.data.image import read_upright
from fedhca.data.source import IMAGE
from fedhca.errors import DataError, unknown


@final
class HuggingFace(Described):
    """Rows of a table: a picture, and a label of each task, as pictures or as arrays.

    Args:
        path: a folder that `save_to_disk` wrote, one with Parquet files, or OWNER/NAME of the hub.
        split: `train` or `val`.
        labels: how the labels of each task are stored.
        splits: the table's names for `train` and `val`; the latter may be a share to draw of the former.
        columns: of the picture (`image`) and of tasks; their own names if not given.
        size: height and width in pixels that samples are cropped and padded to.
        seed: of that draw.
        revision: of the hub's data set.

    Raises:
        FedhcaError: the library is not installed.
        DataError: there is no such data set, split or column; when reading: a row holds no picture or no label, or a
            broken one, or a label of another size than the picture.

    """

    def __init__(
        self,
        path: str,
        split: str,
        labels: Mapping[str, Label],
        *,
        splits: Mapping[str, str | float],
        columns: Mapping[str, str] | None = None,
        size: tuple[int, int] = (512, 512),
        seed: int = 0,
        revision: str | None = None,
    ) -> None:
        self.labels, self._size = labels, size
        named, train = splits[split], str(splits[TRAIN])
        self._where = f"{path}:{named if isinstance(named, str) else train}"
        table = open_table(path, named if isinstance(named, str) else train, revision)
        self._rows = _rows(len(table), splits, split, seed)
        self._columns = {name: _column(path, table, (columns or {}).get(name, name)) for name in (IMAGE, *labels)}

    def __len__(self) -> int:
        """Return the number of pictures of the split."""
        return len(self._rows)

    def identifier(self, index: int) -> str:
        """Return the name of a picture: the number of its row."""
        return f"{self._rows[index]:06d}"

    def picture(self, index: int) -> tuple[Path, UInt8[np.ndarray, "y x 3"]]:
        """Return where a picture is from, and what it shows."""
        where, value = self._value(index, IMAGE)
        if not isinstance(value, bytes):
            raise DataError(f"{where}: expected a picture; found {_kind(value)}. Correct `columns`.")
        return where, read_upright(where, value)

    def has(self, index: int, task: str) -> bool:
        """Return whether a row has something in the column of a task."""
        return self._value(index, task)[1] is not None

    def stored(self, index: int, task: str) -> Stored:
        """Return where a label is from and its values."""
        where, value = self._value(index, task)
        if value is None:
            mend = f"Add it, or set `missing: ignore` for `{task}`."
            raise DataError(f"{where}: expected the label of a picture; found none. {mend}")
        if isinstance(value, bytes):
            return where, self.labels[task].read(where, value)
        if not self.labels[task].is_map and isinstance(value, str | int | float):
            return where, np.array(value)
        column, table = self._columns[task]
        feature = table.features[column]
        try:
            values = np.asarray(value, feature.dtype if hasattr(feature, "shape") else None)  # rows are plain lists
        except ValueError:  # rows of unlike length
            values = np.asarray(None)
        if values.dtype.kind not in "fiub" or values.ndim not in {2, 3}:
            raise DataError(f"{where}: expected a label; found {_kind(value)}. Correct `columns`.")
        return where, values

    def _value(self, index: int, name: str) -> tuple[Path, Any]:
        column, table = self._columns[name]
        row = self._rows[index]
        value = table[row][column]
        if isinstance(value, Mapping):
            # A path says where a picture lies on somebody else's machine: it is not followed.
            value = value.get("bytes") or (None if value.get("path") is None else value["path"])
        return Path(f"{self._where}[{row}].{column}"), value


def _rows(count: int, splits: Mapping[str, str | float], split: str, seed: int) -> list[int]:
    """Return the rows of a split; where testing has a share of the training split, the others are for training."""
    share = next((value for value in splits.values() if not isinstance(value, str)), None)
    if share is None:
        return [*range(count)]
    order = np.random.default_rng(seed).permutation(count)
    test = max(1, round(share * count))
    return sorted(map(int, order[test:] if split == TRAIN else order[:test]))


def _column(path: str, table: Any, name: str) -> tuple[str, Any]:
    """Return a column's name and a table that has it alone, its pictures as the bytes of their files."""
    import datasets  # noqa: PLC0415  an extra

    known = columns_of(table)
    if name not in known:
        raise DataError(f"Data set '{path}': {unknown('column', name, known)} Set `columns`.")
    alone = table.select_columns([name]).with_format(None)
    is_picture = isinstance(known[name], datasets.Image)
    return name, alone.cast_column(name, datasets.Image(decode=False)) if is_picture else alone


def _kind(value: Any) -> str:
    return "the path of a file elsewhere" if isinstance(value, str) else f"a {type(value).__name__}"
