"""How the labels of a task lie in files: what all kinds have in common."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Shaped
from pydantic import AfterValidator, BeforeValidator, Field

from fedhca.config.bounds import Number
from fedhca.config.section import Section
from fedhca.data.described.files import PICTURES, files_of
from fedhca.data.image import plane, read_stored
from fedhca.data.sizes import check_size
from fedhca.errors import DataError
from fedhca.tasks.task import IGNORE, Task


def _below(path: str) -> str:
    """Return a path below the data set's folder; ValueError for one that may lead elsewhere."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or "\0" in path or ":" in path or ".." in parts:
        raise ValueError(f"it should be a path below the data set's folder, such as masks; found '{path}'")
    return path


def _part(text: str) -> str:
    if {"/", "\\", "\0"} & set(text):
        raise ValueError(f"it should be a part of a file's name, such as _mask; found '{text}'")
    return text


Below = Annotated[str, AfterValidator(_below)]
"""A file or folder below the data set's folder."""

Stored = Annotated[float, Field(ge=-sys.float_info.max, le=sys.float_info.max), Number]
StoredWhole = Annotated[int, Field(ge=-(2**63), lt=2**64, examples=[255]), Number]
"""A value in a file of labels."""

Several = BeforeValidator(lambda value: value if isinstance(value, list | tuple) else (value,))
"""One value, or a list of them."""


UNREAD = (*PICTURES, ".gif", ".jp2", ".pgm", ".ppm", ".pfm", ".exr", ".hdr", ".npy", ".npz", ".mat")
"""Endings of files that may hold a label, whether or not it is read from such files."""


class Label(Section, ABC):
    """How the labels of one task lie in files.

    Attributes:
        folder: where they are; the task's name if not given.
        suffix: what a label's file name has behind that of its picture.
        missing: what a picture without a label is: an `error`, or one to `ignore` for this task.

    """

    folder: Below | None = None
    suffix: Annotated[str, AfterValidator(_part)] = ""
    missing: Literal["error", "ignore"] = "error"

    endings: ClassVar[tuple[str, ...]] = (".png", ".tif", ".tiff", ".bmp", ".npy")
    """Of the files."""

    is_map: ClassVar[bool] = True
    """Whether a label is a map, in a file of its own; others lie together in one file."""

    @abstractmethod
    def task(self, name: str) -> Task:
        """Return the task that the labels are of."""

    @abstractmethod
    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
        """Return the label that a file's values stand for.

        Raises:
            DataError: they are none of this kind; the line begins with `where`.

        """

    def nothing(self, shape: tuple[int, int]) -> Shaped[np.ndarray, "..."]:
        """Return the label of a picture of so many pixels that has none: 255 everywhere."""
        return np.full(shape, IGNORE, np.float32)

    def find(self, root: Path, name: str) -> Mapping[str, Path | tuple[Path, Shaped[np.ndarray, "..."]]]:
        """Return the file of each picture's label, or where it stands and its values, by the pictures' names.

        Args:
            root: of the data set.
            name: of the task.

        Raises:
            DataError: the folder or file is missing, broken, or leads elsewhere.

        """
        return files_of(root, self.file_of(name), self.endings, self.suffix)

    def require_readable(self, root: Path, name: str, missing: Collection[str]) -> None:
        """Raise DataError where a label is there as a file that labels of this kind are not read from.

        Args:
            root: of the data set.
            name: of the task.
            missing: names of pictures without a label that is read.

        """
        for path in sorted((root / self.file_of(name)).iterdir()) if missing and self.is_map else ():
            picture, ending = path.stem.removesuffix(self.suffix), path.suffix.lower()
            if ending in UNREAD and ending not in self.endings and picture in missing:
                raise unread(path, self.endings)

    def file_of(self, task: str) -> str:
        """Return the file or folder of all labels."""
        return self.folder or task

    def require_fit(self, where: Path, label: Shaped[np.ndarray, "..."], picture: Path, shape: tuple[int, int]) -> None:
        """Raise DataError, naming both files, where a label is not one of a picture of so many pixels."""
        if self.is_map:
            check_size(where, label, picture, shape)

    def read(self, path: Path, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
        """Return what a file holds, before it is decoded; DataError where it cannot be read."""
        return read_stored(path, content)


def unread(path: Path, endings: Collection[str] = Label.endings) -> DataError:
    """Return the error for a file that may hold labels and is not read."""
    ending = path.suffix.lower()
    lossy = ", which changes values to save space" if ending in {".jpg", ".jpeg"} else ""
    mend = "Export the labels again as .png or .npy."
    return DataError(f"{path}: expected one of {', '.join(endings)}; found {ending}{lossy}. {mend}")


def one_channel(where: Path, stored: np.ndarray, mend: str) -> np.ndarray:
    """Return values [y, x]; DataError where there are several channels."""
    values = plane(stored)
    if values.ndim != 2:
        raise DataError(f"{where}: expected one channel, [y, x]; found {channels(stored)}. {axes_mend(stored) or mend}")
    return values


def channels(stored: np.ndarray) -> str:
    """Say how many channels there are, and where."""
    if stored.ndim != 3:
        return f"{stored.ndim} dimensions, {list(stored.shape)}"
    if axes_mend(stored):
        return f"{list(stored.shape)}, channels first"
    return f"{stored.shape[2]} channel{'s' * (stored.shape[2] > 1)}, {list(stored.shape)}"


def axes_mend(stored: np.ndarray) -> str:
    """Say how channels come last where they come first, as torch has them; nothing otherwise."""
    first = stored.ndim == 3 and stored.shape[0] in {1, 3} and stored.shape[2] > 4
    return "Put them last: np.moveaxis(array, 0, -1)." if first else ""


def listed(values: np.ndarray, some: Collection[float | int]) -> np.ndarray:
    """Return where values are one of `some`."""
    return np.isin(values, [*some]) if some else np.zeros(values.shape, bool)
