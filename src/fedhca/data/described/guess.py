"""Looking at a folder that says nothing of itself: which folder may hold labels of which kind."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from pydantic import TypeAdapter

from fedhca.data.described.dataset_description import AnyLabel
from fedhca.data.described.files import PICTURES, contents, files_of, require_inside
from fedhca.data.described.guess_kind import Kind, guess_kind
from fedhca.data.described.label import UNREAD, Label, unread
from fedhca.data.image import read_colours, read_stored
from fedhca.data.names import composed
from fedhca.errors import DataError

ENDINGS = (*PICTURES, ".npy")
FILES = 24
"""Files of a folder that are looked at, evenly spread."""
PHOTOGRAPHS = ("images", "image", "imgs", "img", "jpegimages", "rgb", "photos", "pictures", "color", "input")
"""Names that folders of pictures have."""
LABEL = TypeAdapter[Label](AnyLabel)


@dataclass(frozen=True)
class Guess:
    """What a folder of labels may hold.

    Attributes:
        folder: its name.
        kind: of its task, and what else can be told; no kind if none can be.
        suffix: what its files have behind the pictures' names.
        labels: how many pictures have one.
        missing: the names of pictures that have none.

    """

    folder: str
    kind: Kind
    suffix: str = ""
    labels: int = 0
    missing: Sequence[str] = ()


def guess_pictures(root: Path) -> str:
    """Return the name of the folder that holds the pictures; DataError where none looks like it."""
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    for name, path in folders.items():
        if name.lower() in PHOTOGRAPHS and _stems(path, PICTURES):
            return name
    photographs = Counter({name: len(_stems(path, (".jpg", ".jpeg", ".webp"))) for name, path in folders.items()})
    if photographs and photographs.most_common(1)[0][1]:
        return photographs.most_common(1)[0][0]
    found = "; ".join(f"{name} with {contents(path) or 'nothing'}" for name, path in folders.items()) or "no folder"
    raise DataError(
        f"{root}: expected a folder such as images, with pictures ({', '.join(PICTURES)}) side by side in it; found "
        f"{found}. Move pictures out of folders below it; save those of another format as PNG."
    )


def guess_labels(root: Path, images: str) -> list[Guess]:
    """Return what the folders beside the pictures may hold; DataError where two pictures have one name."""
    names = {*files_of(root, images, PICTURES)}
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    return [_guess(root, path, names) for path in folders if path.name != images]


def _guess(root: Path, folder: Path, names: set[str]) -> Guess:
    require_inside(root, folder)
    files = _stems(folder, UNREAD) | _stems(folder, ENDINGS)
    suffix = _suffix([*files], names)
    mine = [file for stem, file in files.items() if stem.removesuffix(suffix) in names]
    if not mine:
        held = contents(folder) or "nothing"
        return Guess(folder.name, Kind(why=f"no label called as a picture is, such as {min(names)}.png; found {held}"))
    some = mine[:: max(1, len(mine) // FILES)][:FILES]
    try:
        if other := next((file for file in some if file.suffix.lower() not in ENDINGS), None):
            raise unread(other)
        kind = guess_kind(folder.name.lower(), [_stored(file) for file in some])
        if not kind.name:
            return Guess(folder.name, kind)
        # Looked at again as labels of that kind are read: what a palette means depends on the kind.
        stored = [_label(kind, suffix).read(file) for file in some]
        kind = guess_kind(folder.name.lower(), stored)
        label = _label(kind, suffix)
        for file, values in zip(some, stored, strict=True):
            label.decode(file, values)
        labelled = names & label.find(root, folder.name).keys()
        label.require_readable(root, folder.name, names - labelled)
    except DataError as error:
        return Guess(folder.name, Kind(why=str(error)))
    return Guess(folder.name, kind, suffix, len(labelled), sorted(names - labelled))


def _stored(file: Path) -> Shaped[np.ndarray, "y x ..."]:
    """Return what a file holds; the colours of a picture that is transparent somewhere."""
    try:
        return read_stored(file)
    except DataError as error:
        with suppress(DataError):
            return read_colours(file)
        raise error


def _label(kind: Kind, suffix: str) -> Label:
    return LABEL.validate_python({"kind": kind.name, "suffix": suffix, **kind.keys})


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
