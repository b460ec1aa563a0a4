"""Maps of classes in files: one whole number for every pixel."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, final

import numpy as np
from jaxtyping import Shaped, UInt8
from pydantic import Field, model_validator

from fedhca.bounds import Number
from fedhca.data.described.label import Label, Several, StoredWhole, no_map, one_channel
from fedhca.errors import DataError
from fedhca.tasks import HumanParts, SemanticSegmentation
from fedhca.tasks.task import IGNORE, Task

MOST = 1 << 16
"""Values that a file may hold: 16 bits."""

Classes = (
    Annotated[int, Field(ge=1, le=IGNORE), Number] | Annotated[tuple[str, ...], Field(min_length=1, max_length=IGNORE)]
)
PARTS = ("background", "head", "torso", "upper arms", "lower arms", "upper legs", "lower legs")


def class_names(classes: int | tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of classes; their numbers where they have none."""
    return tuple(map(str, range(classes))) if isinstance(classes, int) else classes


@final
class ClassMap(Label):
    """Pictures with one channel, or a palette, whose values are class indices.

    Attributes:
        classes: their names in order, or how many there are.
        ignore: values that mean "no label here".
        offset: what a file adds to a class index.

    """

    kind: Literal["semseg", "human_parts"]
    classes: Classes
    ignore: Annotated[tuple[StoredWhole, ...], Several] = (IGNORE,)
    offset: Annotated[int, Field(ge=0, lt=MOST), Number] = 0

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, values: object) -> object:
        known = isinstance(values, dict) and values.get("kind") == "human_parts" and "classes" not in values
        return {**values, "classes": PARTS} if known else values  # type: ignore[dict-item]

    @model_validator(mode="after")
    def _different(self) -> "ClassMap":
        if len({*self.names}) < len(self.names):
            raise ValueError("`classes` should have different names; rename one")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return class_names(self.classes)

    def task(self, name: str) -> Task:
        """Return the task."""
        kind = HumanParts if self.kind == "human_parts" else SemanticSegmentation
        return kind(name=name, channels=len(self.names))

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "y x"]:
        """Return class indices, 255 where there is no label."""
        values = one_channel(where, stored, True, "Save class indices as a PNG with 8 or 16 bits, or with a palette.")
        if values.dtype.kind == "i" and values.size and (values.min() < 0 or values.max() >= MOST):
            raise self._outside(where, int(values.min() if values.min() < 0 else values.max()))
        label = self._table[values.astype(np.uint16, copy=False)]
        wrong = label < 0
        if wrong.any():
            raise self._outside(where, int(values[wrong].max()))
        return label.astype(np.uint8)

    def nothing(self, shape: tuple[int, int]) -> UInt8[np.ndarray, "y x"]:
        """Return 255 everywhere."""
        return no_map(shape, np.uint8)

    @cached_property
    def _table(self) -> np.ndarray:
        """The class index of every stored value; 255 for no label, −1 for what may not be."""
        table = np.full(MOST, -1, np.int16)
        table[self.offset : self.offset + len(self.names)] = np.arange(len(self.names))[: MOST - self.offset]
        table[[value for value in self.ignore if 0 <= value < MOST]] = IGNORE
        return table

    def _outside(self, where: Path, value: int) -> DataError:
        first, count = self.offset, len(self.names)
        ignored = f", or {' or '.join(map(str, self.ignore))} for no label" if self.ignore else ""
        return DataError(
            f"{where}: expected {count} classes, {first} to {first + count - 1}{ignored}; found {value}. "
            f"Add it to `ignore` or `classes`, or correct the label."
        )
