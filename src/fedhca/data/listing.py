"""Lists that come with a data set: pictures, one identifier a line; classes, in JSON."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fedhca.data.names import composed, on_disk
from fedhca.errors import DataError


def read_list(path: Path, root: Path) -> list[str]:
    """Return the identifiers that a split's list holds, in composed letters and in the list's order.

    Args:
        path: the list, `…/{split}.txt`.
        root: the folder of the data set.

    Raises:
        DataError: folder or list is missing, the list is empty, is not text, or holds a line twice or a path.

    """
    if not root.is_dir():
        raise DataError(f"{root}: expected the folder of a data set; found none. Correct `root`.")
    if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
        raise DataError(f"{path}: expected a list below {root}; found a way out of it. Correct `train` or `val`.")
    file = on_disk(path)
    if not file.is_file():
        splits = ", ".join(sorted(p.stem for p in path.parent.glob("[!.]*.txt"))) or "none"
        raise DataError(f"{path}: expected the list of split '{path.stem}'; found the splits: {splits}.")
    try:
        lines = composed(file.read_text(encoding="utf-8-sig")).splitlines()
    except UnicodeDecodeError as cause:
        raise DataError(f"{path}: expected text in UTF-8; found other bytes. Copy the list again.") from cause
    identifiers = [line.strip() for line in lines if line.strip()]
    _check(path, identifiers)
    return identifiers


def _check(path: Path, identifiers: list[str]) -> None:
    if not identifiers:
        raise DataError(f"{path}: expected one identifier a line; found an empty list. Copy the list again.")
    for name in identifiers:
        if name in {".", ".."} or {"/", "\\", "\0"} & set(name):
            raise DataError(f"{path}: expected identifiers, the stems of file names; found '{name}'. Take it out.")
    name, times = Counter(identifiers).most_common(1)[0]
    if times > 1:
        raise DataError(f"{path}: expected each identifier once; found '{name}' {times} times. Take the others out.")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; DataError where it is missing or broken."""
    if not path.is_file():
        raise DataError(f"{path}: expected this file of the data set; found none. Add it.")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as cause:
        raise DataError(f"{path}: expected JSON; found a file that is not ({cause}). Copy the file again.") from cause
