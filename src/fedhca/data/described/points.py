"""Keypoints: in a CSV file, or as arrays in a column."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from jaxtyping import Float32, Shaped
from pydantic import Field, model_validator

from fedhca.config.bounds import Number
from fedhca.data.described.class_maps import read_class_names
from fedhca.data.described.csv_file import csv_rows, require_once
from fedhca.data.described.label import Below, Label
from fedhca.errors import DataError, unknown
from fedhca.tasks import Keypoints, Task

VISIBLE = ("v", "visible", "visibility")
"""Names of the column that has 0 for a point without a label, as COCO's files have it."""

PIXELS = "x and y in pixels"

Names = Annotated[int, Field(ge=1, le=1000), Number] | Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
Point = str | Annotated[int, Field(ge=0, le=999), Number]
"""By name or by number."""


@final
class Points(Label):
    """Points of one thing per picture: a CSV file with columns `id`, `point`, `x` and `y`, in pixels from top left.

    A point without a line, or with empty x and y, has no label; nor has one with 0 in a column `v`, `visible` or
    `visibility`.

    Attributes:
        points: their names in order, or how many there are.
        swaps: pairs that change roles in a mirror, such as left and right hand, by name or number.
        file: the CSV file; the task's name with .csv if not given.
        max_dist: how far from a point it may be found, as a share of the diagonal.

    """

    kind: Literal["keypoints"]
    points: Names
    swaps: tuple[tuple[Point, Point], ...] = ()
    file: Below | None = None
    max_dist: Annotated[float, Field(gt=0, le=1), Number] = 0.05

    is_map: ClassVar[bool] = False

    def file_of(self, task: str) -> str:
        """Return the CSV file."""
        return self.file or f"{task}.csv"

    @model_validator(mode="after")
    def _known(self) -> "Points":
        for point in (each for pair in self.swaps for each in pair):
            if self._number(str(point)) is None:
                raise ValueError(f"`swaps` should be pairs of {', '.join(self.names)}; found '{point}'")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the points."""
        return read_class_names(self.points)

    def task(self, name: str) -> Task:
        """Return the task."""
        pairs = [(self._number(str(one)) or 0, self._number(str(other)) or 0) for one, other in self.swaps]
        return Keypoints(name=name, channels=len(self.names), swaps=tuple(pairs), max_dist=self.max_dist)

    def find(self, root: Path, name: str) -> Mapping[str, tuple[Path, np.ndarray]]:
        """Return the points of pictures, by the pictures' names."""
        file = self.file_of(name)
        found: dict[str, tuple[Path, np.ndarray]] = {}
        seen: dict[str, str] = {}
        for where, picture, (point, x, y, visible) in csv_rows(root, file, ["point", "x", "y"], VISIBLE):
            number = self._number(point)
            if number is None:
                raise DataError(f"{where}: expected a point; found '{point}'. {unknown('point', point, self.names)}")
            require_once(where, f"point '{self.names[number]}' of picture '{picture}'", seen)
            _, values = found.setdefault(picture, (root / file, np.zeros((len(self.names), 3), np.float32)))
            if (x or y) and _number(where, visible or "1", "0 for no label, or a number above") > 0:
                values[number] = _number(where, x, PIXELS), _number(where, y, PIXELS), 1
        return found

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "k 3"]:
        """Return x, y and whether labelled, of every point; a third column that is stored says which are, above 0."""
        count = len(self.names)
        if stored.ndim != 2 or len(stored) != count or stored.shape[1] not in {2, 3} or stored.dtype.kind not in "fiu":
            expected = f"{where}: expected {count} points, [{count}, 2] or [{count}, 3]"
            raise DataError(f"{expected}; found {stored.dtype} {list(stored.shape)}. Correct `points` or the label.")
        places = stored[:, :2].astype(np.float32)
        told = np.asarray(np.isfinite(places).all(axis=1))
        if stored.shape[1] > 2:
            told &= stored[:, 2] > 0
        return np.where(told[:, None], np.column_stack([places, np.ones(count)]), 0).astype(np.float32)

    def require_fit(
        self, where: Path, label: Float32[np.ndarray, "k 3"], picture: Path, shape: tuple[int, int]
    ) -> None:
        """Raise DataError, naming both files, where a point lies outside of its picture."""
        x, y, told = label.T
        outside = (told > 0) & ~((x >= -0.5) & (x < shape[1] - 0.5) & (y >= -0.5) & (y < shape[0] - 0.5))
        if outside.any():
            point = int(outside.argmax())
            raise DataError(
                f"{where}: expected points of {picture} within its {shape[0]} × {shape[1]} pixels; found "
                f"{self.names[point]} at x {x[point]:g}, y {y[point]:g}. Correct it, or leave x and y empty."
            )

    def nothing(self, shape: tuple[int, int]) -> Float32[np.ndarray, "k 3"]:
        """Return zeros: no point has a label."""
        return np.zeros((len(self.names), 3), np.float32)

    def _number(self, word: str) -> int | None:
        if word in self.names:
            return self.names.index(word)
        return int(word) if word.isascii() and word.isdecimal() and int(word) < len(self.names) else None


def _number(where: str, text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: expected {what}; found '{text}'. Correct the line.")
    return value
