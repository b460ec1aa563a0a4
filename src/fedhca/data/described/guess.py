"""Looking at a folder that says nothing of itself: which folder may hold labels of which kind."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedhca.data.described.files import PICTURES, require_inside
from fedhca.data.described.guess_kind import guess_kind, kind_of_name
from fedhca.data.image import plane, read_stored
from fedhca.data.names import composed
from fedhca.errors import DataError

ENDINGS = (*PICTURES, ".npy")
GREY = ("edge", "sal", "depth")
"""Kinds of labels in which a palette stands for its greys; elsewhere its indices are classes."""
FILES = 24
"""Files of a folder that are looked at, evenly spread."""
PHOTOGRAPHS = ("images", "image", "imgs", "img", "jpegimages", "rgb", "photos", "pictures", "color", "input")
"""Names that folders of pictures have."""


@dataclass(frozen=True)
class Guess:
    """What a folder of labels may hold.

    Attributes:
        folder: its name.
        kind: of its task; empty if that cannot be told.
        suffix: what its files have behind the pictures' names.
        keys: of the description beside `kind`, with their values.
        why: what was seen, in a few words.
        pictures: that it has labels for.

    """

    folder: str
    kind: str
    suffix: str
    keys: Mapping[str, object]
    why: str
    pictures: int


def guess_pictures(root: Path) -> str:
    """Return the name of the folder that holds the pictures; DataError where none looks like it."""
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    for name, path in folders.items():
        if name.lower() in PHOTOGRAPHS and _stems(path, PICTURES):
            return name
    photographs = Counter({name: len(_stems(path, (".jpg", ".jpeg", ".webp"))) for name, path in folders.items()})
    if photographs and photographs.most_common(1)[0][1]:
        return photographs.most_common(1)[0][0]
    found = ", ".join(folders) or "no folder"
    raise DataError(f"{root}: expected a folder of pictures, such as images; found {found}. Put them in one.")


def guess_labels(root: Path, images: str) -> list[Guess]:
    """Return what the folders beside the pictures may hold: those whose files are called as pictures are."""
    names = {*_stems(root / images, PICTURES)}
    guesses = []
    for path in sorted(root.iterdir()):
        if path.name == images or not path.is_dir() or path.name.startswith("."):
            continue
        require_inside(root, path)
        files = _stems(path, ENDINGS)
        suffix = _suffix([*files], names)
        mine = {stem.removesuffix(suffix): file for stem, file in files.items() if stem.removesuffix(suffix) in names}
        if mine:
            kind, keys, why = guess_kind(path.name.lower(), _read(path.name.lower(), _some([*mine.values()])))
            guesses.append(Guess(path.name, kind, suffix, keys, why, len(mine)))
    return guesses


def _read(name: str, files: Sequence[Path]) -> list[np.ndarray]:
    """Return what files of a folder hold; where all have equal channels, one of them."""
    grey = kind_of_name(name) in GREY
    arrays = [read_stored(file, grey=grey) for file in files]
    planes = [plane(array) for array in arrays]
    return planes if all(each.ndim == 2 for each in planes) else arrays


def _stems(folder: Path, endings: Sequence[str]) -> dict[str, Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.lower().endswith(tuple(endings)))
    return {composed(Path(name).stem): folder / name for name in names if not name.startswith(".")}


def _suffix(stems: Sequence[str], names: set[str]) -> str:
    """Return what most file names have behind those of pictures."""
    rests: Counter[str] = Counter()
    for stem in stems[:FILES]:
        longest = max((length for length in range(1, len(stem) + 1) if stem[:length] in names), default=0)
        if longest:
            rests[stem[longest:]] += 1
    return rests.most_common(1)[0][0] if rests else ""


def _some(files: Sequence[Path]) -> Sequence[Path]:
    return files[:: max(1, len(files) // FILES)][:FILES]
