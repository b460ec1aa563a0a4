"""Labels of all pictures in one CSV file, one a line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from fedhca.data.described.files import PICTURES, require_inside
from fedhca.data.names import composed
from fedhca.errors import DataError

LARGEST = 1 << 28
"""Bytes of a file: a hundred thousand pictures with dozens of points have a tenth of that."""


def rows_of(root: Path, file: str, columns: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield, for each line, where it stands, the name of its picture, and the other columns asked for.

    Args:
        root: of the data set.
        file: below it; its first line names the columns.
        columns: that are wanted beside `id`, the name of the picture.

    Raises:
        DataError: the file is missing, leads out of the data set, or is no such table.

    """
    path = root / file
    if not path.is_file():
        raise DataError(f"{path}: expected this file with columns id,{','.join(columns)}; found none. Add it.")
    require_inside(root, path)
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: expected at most {LARGEST >> 20} MB; found more. Split the data set.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows(path, csv.reader(lines), columns)
    except (UnicodeDecodeError, csv.Error) as cause:
        raise DataError(f"{path}: expected CSV in UTF-8; found something else ({cause}). Save it again.") from cause


def _rows(path: Path, table: Iterator[list[str]], columns: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    head = [name.strip() for name in next(table, [])]
    missing = [name for name in ("id", *columns) if name not in head]
    if missing:
        raise DataError(
            f"{path}: expected a first line with id,{','.join(columns)}; found {','.join(head) or 'nothing'}. "
            f"Add the column {missing[0]}."
        )
    for number, row in enumerate(table, start=2):
        if not any(row):
            continue
        if len(row) != len(head):
            raise DataError(f"{path}, line {number}: expected {len(head)} values; found {len(row)}. Correct the line.")
        values = {name: composed(value.strip()) for name, value in zip(head, row, strict=True)}
        name = values["id"]
        ending = Path(name).suffix
        yield (
            f"{path}, line {number}",
            name[: -len(ending)] if ending.lower() in PICTURES else name,
            [values[column] for column in columns],
        )
