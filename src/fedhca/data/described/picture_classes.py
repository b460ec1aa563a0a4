"""Classes of whole pictures: in a CSV file, or in a column."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Shaped, UInt8

from fedhca.data.described.class_maps import Classes, class_names
from fedhca.data.described.csv_file import rows_of
from fedhca.data.described.label import Below, Label
from fedhca.errors import DataError, unknown
from fedhca.tasks import Classification
from fedhca.tasks.task import IGNORE, Task


@final
class PictureClass(Label):
    """One class per picture: a CSV file with columns `id` and `class`, by name or by number; empty is no label.

    Attributes:
        classes: their names in order, or how many there are.
        file: the CSV file; the task's name with .csv if not given.

    """

    kind: Literal["classification"]
    classes: Classes
    file: Below | None = None

    is_map: ClassVar[bool] = False

    def file_of(self, task: str) -> str:
        """Return the CSV file."""
        return self.file or f"{task}.csv"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return class_names(self.classes)

    def task(self, name: str) -> Task:
        """Return the task."""
        names = () if isinstance(self.classes, int) else self.names
        return Classification(name=name, channels=len(self.names), names=names)

    def find(self, root: Path, name: str) -> Mapping[str, tuple[Path, np.ndarray]]:
        """Return the classes of pictures, by the pictures' names."""
        file = self.file_of(name)
        found: dict[str, tuple[Path, np.ndarray]] = {}
        for where, picture, (word,) in rows_of(root, file, ["class"]):
            if picture in found:
                raise DataError(f"{where}: expected each picture once; found '{picture}' again. Take a line out.")
            if word:
                found[picture] = Path(where), np.array(word)
        return found

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, ""]:
        """Return the index of a class that is stored by name or by number."""
        word = str(stored) if stored.ndim == 0 and stored.dtype.kind in "Uiu" else None
        if word is None:
            raise DataError(f"{where}: expected a class; found {stored.dtype} {list(stored.shape)}. Correct it.")
        if word in self.names:
            return np.array(self.names.index(word), np.uint8)
        if word.isascii() and word.isdecimal() and int(word) < len(self.names):
            return np.array(int(word), np.uint8)
        if stored.dtype.kind in "iu" and word in {"-1", str(IGNORE)}:  # what tables write where there is no label
            return self.nothing((0, 0))
        raise DataError(
            f"{where}: expected one of {len(self.names)} classes; found '{word}'. {unknown('class', word, self.names)}"
        )

    def nothing(self, shape: tuple[int, int]) -> UInt8[np.ndarray, ""]:
        """Return 255."""
        return np.array(IGNORE, np.uint8)
