"""What the tasks that name a class, of each pixel or of the picture, have in common."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int, Integer, Shaped, UInt8
from torch import Tensor

from fedhca.errors import DataError, RecipeError
from fedhca.tasks.palette import class_colours
from fedhca.tasks.pixels import labelled, mean_over, require_label, require_label_fits
from fedhca.tasks.stats import Confusion
from fedhca.tasks.task import IGNORE, Task


@dataclass(frozen=True, kw_only=True)
class ClassMaps(Task, ABC):
    """One class per pixel. Loss: cross entropy, mean over the labelled pixels. Metric: mIoU over all classes."""

    metric: ClassVar[str] = "mIoU"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of classes."""
        check_map(self, label, size)

    def loss(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the mean cross entropy over labelled pixels."""
        return mean_over(cross_entropy(self, output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b c y x"]) -> Int[Tensor, "b y x"]:
        """Return the most likely class of each pixel."""
        return output.argmax(dim=1)

    def measure(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Confusion:
        """Count the labelled pixels by true and by most likely class."""
        require_classes(self, output, label)
        return Confusion.of(self.predict(output), label, labelled(label), self.channels)

    def draw(
        self, values: Integer[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Return one colour per class."""
        return class_colours()[values]


def cross_entropy(task: Task, output: Float[Tensor, "b c ..."], label: Int[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
    """Return −log softmax(output)[label] of each, in float32; 0 where there is no label."""
    require_classes(task, output, label)
    # Not reduced here: torch's own sum over pixels has no deterministic form on a GPU.
    return torch.nn.functional.cross_entropy(output.float(), label.long(), ignore_index=IGNORE, reduction="none")


def require_count(task: Task) -> None:
    """Raise RecipeError for a number of classes that would make `IGNORE` one of them."""
    if not 1 <= task.channels <= IGNORE:
        raise RecipeError(f"Task '{task.name}' should have 1 to {IGNORE} channels. Found {task.channels}.")


def require_classes(task: Task, output: Tensor, label: Tensor) -> None:
    """Raise unless output and label fit the task and each other, and every label is a class or `IGNORE`.

    Raises:
        RecipeError: the output has other channels than the task.
        DataError: the label is of another size, or holds an index that is no class of the task.

    """
    require_label_fits(task, output, label)
    require_indices(task, label)


def check_map(task: Task, label: Tensor, size: tuple[int, ...]) -> None:
    """Raise DataError unless the label of one picture has its size and holds classes of the task, or `IGNORE`."""
    require_label(task, label, size, whole=True)
    require_indices(task, label)


def require_indices(task: Task, label: Tensor) -> None:
    """Raise DataError unless every label is a class or `IGNORE`."""
    outside = labelled(label) & ((label < 0) | (label >= task.channels))
    if outside.any():  # else a GPU would die of an assertion that names neither the task nor the value
        raise DataError(
            f"Labels of task '{task.name}' should be classes 0 to {task.channels - 1}, or {IGNORE} for none. "
            f"Found {int(label[outside][0])}: the task has {task.channels} classes; check the labels."
        )
