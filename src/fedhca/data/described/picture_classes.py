"""Classes of whole pictures: in a CSV file, or in a column."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Shaped, UInt8

from fedhca.data.described.class_maps import Classes, read_class_names
from fedhca.data.described.csv_file import csv_rows, require_once
from fedhca.data.described.label import Below, Label
from fedhca.errors import DataError, unknown
from fedhca.tasks import IGNORE, Classification, Task

NUMBER = re.compile(r"(-?[0-9]+)(\.0*)?")
"""A whole number; tables with gaps have it as 1.0."""


@final
class PictureClass(Label):
    """One class per picture: a CSV file with columns `id` and `class`, by name or by number.

    Without a label are a picture without a line, and one whose class is empty, -1 or 255.

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
        return read_class_names(self.classes)

    def task(self, name: str) -> Task:
        """Return the task."""
        names = () if isinstance(self.classes, int) else self.names
        return Classification(name=name, channels=len(self.names), names=names)

    def find(self, root: Path, name: str) -> Mapping[str, tuple[Path, np.ndarray]]:
        """Return the classes of pictures, by the pictures' names."""
        file = self.file_of(name)
        found: dict[str, tuple[Path, np.ndarray]] = {}
        seen: dict[str, str] = {}
        for where, picture, (word,) in csv_rows(root, file, ["class"]):
            require_once(where, f"picture '{picture}'", seen)
            if word:
                found[picture] = Path(where), np.array(word)
        return found

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, ""]:
        """Return the index of a class that is stored by name or by number."""
        word = str(stored) if stored.ndim == 0 and stored.dtype.kind in "Uiuf" else None
        if word is None:
            raise DataError(f"{where}: expected a class; found {stored.dtype} {list(stored.shape)}. Correct it.")
        if word in self.names:
            return np.array(self.names.index(word), np.uint8)
        number = int(match[1]) if (match := NUMBER.fullmatch(word)) else None
        if number in {-1, IGNORE}:  # what tables write where there is no label
            return self.nothing((0, 0))
        if number in range(len(self.names)):
            return np.array(number, np.uint8)
        mend = unknown("class", word, self.names)
        raise DataError(f"{where}: expected one of {len(self.names)} classes; found '{word}'. {mend}")

    def nothing(self, shape: tuple[int, int]) -> UInt8[np.ndarray, ""]:
        """Return 255."""
        return np.array(IGNORE, np.uint8)
