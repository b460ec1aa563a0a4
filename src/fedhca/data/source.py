"""What a data set is: raw pictures with labels, before augmentation."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from fedhca.errors import DataError
from fedhca.tasks.task import Task

IMAGE = "image"
"""The name of the picture in a sample; no task is called so."""

Sample = dict[str, np.ndarray]
"""One picture and its labels by the names of their tasks, all of one height y and width x.

`image` is uint8 [y, x, 3]. The kind of a task says what its label is: classes are uint8 [y, x]; edges and depth float32
[y, x]; normals float32 [y, x, 3]. 255 means "no label here" in all of them.
"""

GroundTruth = Literal["benchmark", "label"]
"""What `edge` is where a model is tested: the truth of the edge benchmark, or the label of training."""


class Source(ABC):
    """One split of a data set: raw samples by index, the tasks it has labels for, and its training size."""

    @property
    @abstractmethod
    def tasks(self) -> Mapping[str, Task]:
        """The tasks this data set has labels for, by name."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Height and width in pixels that every sample is cropped and padded to."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of pictures."""

    @abstractmethod
    def identifier(self, index: int) -> str:
        """Return the name of a picture: the stem of its file."""

    @abstractmethod
    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the picture and the labels of `tasks`; DataError names the file that is missing or broken."""

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return whether a client with just these tasks can learn from the picture."""
        return True

    def given(self, indices: Sequence[int]) -> "Source":
        """Return the source as a client sees it whose share is `indices`: itself, unless it repeats an old defect."""
        return self

    def problems(self, tasks: Collection[str]) -> list[str]:
        """Read every picture with the labels of `tasks` and return what is wrong, one line each."""
        return problems_of(lambda index: self.read(index, tasks), len(self))


def problems_of(read: Callable[[int], object], count: int) -> list[str]:
    """Read so many pictures, several at a time, and return what is wrong, one line each."""

    def problem(index: int) -> str:
        try:
            read(index)
        except DataError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return [line for line in pool.map(problem, range(count)) if line]
