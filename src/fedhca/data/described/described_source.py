"""A data set whose labels are described: pictures and labels by name, decoded alike wherever they are stored."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from fedhca.data.described.label import Label
from fedhca.data.source import Sample, Source
from fedhca.errors import RecipeError, unknown
from fedhca.tasks.task import Task

Stored = tuple[Path, Shaped[np.ndarray, "..."]]
"""Where values are from, for errors, and the values."""


class Described(Source, ABC):
    """What data sets with described labels have in common; where pictures and labels are stored is left open."""

    labels: Mapping[str, Label]
    """How the labels of each task are stored."""
    _size: tuple[int, int]

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks that are described, by name."""
        return {name: label.task(name) for name, label in self.labels.items()}

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels that every sample is cropped and padded to."""
        return self._size

    @abstractmethod
    def picture(self, index: int) -> tuple[Path, UInt8[np.ndarray, "y x 3"]]:
        """Return where a picture is from, and the picture; DataError where it cannot be read."""

    @abstractmethod
    def has(self, index: int, task: str) -> bool:
        """Return whether a picture has a label of a task."""

    @abstractmethod
    def stored(self, index: int, task: str) -> Stored:
        """Return where a label is from, and its values as stored; DataError where there is none or it is broken."""

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the picture and the labels of `tasks`, touching no other file."""
        path, image = self.picture(index)
        return {"image": image} | {task: self.label(index, task, path, image) for task in tasks}

    def label(self, index: int, task: str, path: Path, image: UInt8[np.ndarray, "y x 3"]) -> np.ndarray:
        """Return the label of a picture that was read from `path`."""
        if task not in self.labels:
            raise RecipeError(unknown("task of the data set", task, self.labels))
        if self.labels[task].missing == "ignore" and not self.has(index, task):
            return self.labels[task].nothing((image.shape[0], image.shape[1]))
        return self.decoded(task, self.stored(index, task), path, image)

    def decoded(self, task: str, stored: Stored, path: Path, image: UInt8[np.ndarray, "y x 3"]) -> np.ndarray:
        """Return what stored values stand for; DataError where they are no label of the picture."""
        label = self.labels[task].decode(*stored)
        self.labels[task].require_fit(stored[0], label, path, (image.shape[0], image.shape[1]))
        return label

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return whether the picture has a label of one of the tasks."""
        return any(self.labels[task].missing == "error" or self.has(index, task) for task in tasks)
