"""Labels of all pictures in one CSV file, one a line."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from fedhca.data.described.files import picture_name, require_inside
from fedhca.data.names import composed
from fedhca.errors import DataError

LARGEST = 1 << 28
"""Bytes of a file: a hundred thousand pictures with dozens of points have a tenth of that."""

DIVIDERS = ",;\t"
"""What may stand between values; in a file it is the one that the first line has most of."""

DECIMAL_COMMA = re.compile(r"(-?\d+),(\d+)")


def csv_rows(
    root: Path, file: str, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield, for each line, where it stands, the name of its picture, and the other columns asked for.

    Args:
        root: of the data set.
        file: below it; its first line names the columns.
        columns: that are wanted beside `id`, the name of the picture.
        optional: names that one more column may have, which comes last; "" where there is none.

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
            yield from _rows(path, lines, columns, optional)
    except (UnicodeDecodeError, csv.Error) as cause:
        raise DataError(f"{path}: expected CSV in UTF-8; found something else ({cause}). Save it as that.") from cause


def _rows(
    path: Path, lines: Iterator[str], columns: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[str, str, list[str]]]:
    first = next(lines, "")
    divider = max(DIVIDERS, key=first.count)
    table = csv.reader(chain([first], lines), delimiter=divider)
    head = [name.strip() for name in next(table, [])]
    for name in ("id", *columns):
        if head.count(name) != 1:
            expected = f"expected a first line with id,{','.join(columns)}, each once"
            mend = f"Add the column {name}" if name not in head else f"Take one column {name} out"
            raise DataError(f"{path}: {expected}; found {divider.join(head) or 'nothing'}. {mend}.")
    places = [head.index(name) for name in columns] + [head.index(name) for name in optional if name in head][:1]
    for number, row in enumerate(table, start=2):
        if not any(row):
            continue
        where = f"{path}, line {number}"
        if len(row) != len(head):
            raise DataError(f"{where}: expected {len(head)} values; found {len(row)}. Correct the line.")
        found = [composed(row[place].strip()) for place in places] + [""] * (
            len(columns) + bool(optional) - len(places)
        )
        if divider != ",":
            found = [DECIMAL_COMMA.sub(r"\1.\2", each) if DECIMAL_COMMA.fullmatch(each) else each for each in found]
        yield where, picture_name(row[head.index("id")]), found


def require_once(where: str, what: str, seen: dict[str, str]) -> None:
    """Note where something stands; DataError, naming both lines, where it stood somewhere before."""
    line = where.rpartition(", ")[2]
    if what in seen:
        raise DataError(f"{where}: expected {what} once; found it in {seen[what]}, too. Take one of the lines out.")
    seen[what] = line
