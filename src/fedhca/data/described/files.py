"""The files of a folder by the names of their pictures, and what lies in it in words; nothing else is looked at."""

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from fedhca.data.names import composed, on_disk
from fedhca.errors import DataError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""Endings of pictures."""


def files_of(root: Path, folder: str, endings: Collection[str], suffix: str = "") -> dict[str, Path]:
    """Return the files of a folder by name in composed letters, without suffix and ending, in the order of names.

    Hidden files are left out, such as macOS's ._NAME.png.

    Args:
        root: of the data set.
        folder: below it.
        endings: that count, in small letters.
        suffix: what all names have before the ending.

    Raises:
        DataError: the folder or a link in it leads out of the data set, or there is none; two files have one name.

    """
    place = on_disk(root / folder)
    if not place.is_dir():
        raise DataError(f"{place}: expected a folder, as the data set says it has one; found none. Add or correct it.")
    require_inside(root, place)
    found: dict[str, Path] = {}
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            stem, ending = os.path.splitext(composed(entry.name))  # noqa: PTH122  a hundred thousand times
            if ending.lower() not in endings or entry.name.startswith(".") or not stem.endswith(composed(suffix)):
                continue
            path, name = place / entry.name, stem.removesuffix(composed(suffix))
            if entry.is_symlink():
                require_inside(root, path)
            if name in found:
                mend = "Take one of them out."
                raise DataError(f"{path}: expected one file for '{name}'; found {found[name].name} as well. {mend}")
            found[name] = path
    return found


def picture_name(text: str) -> str:
    """Return the name of a picture that a list or table names, with or without the ending of its file."""
    name = composed(text.strip())
    stem, ending = os.path.splitext(name)  # noqa: PTH122  a hundred thousand times
    return stem if ending.lower() in PICTURES else name


def require_inside(root: Path, path: Path) -> None:
    """Raise DataError where a path leads out of the data set's folder, by links."""
    if not path.resolve().is_relative_to(root.resolve()):
        mend = "Copy the files, or give `root` the folder that holds all."
        raise DataError(f"{path}: expected what lies below {root}; found a link that leads out of it. {mend}")


MOST = 4
"""Endings, or folders, that are named."""


def contents(folder: Path, known: Collection[str] = ()) -> str:
    """Say how many files of which endings, beside the `known` ones, and which folders lie in a folder."""
    here = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    endings = Counter(path.suffix.lower() for path in here if path.suffix.lower() not in known and not path.is_dir())
    files = [f"{count} {ending or 'without ending'}" for ending, count in endings.most_common(MOST)]
    return ", ".join(files + [f"{path.name}/" for path in here if path.is_dir()][:MOST])
