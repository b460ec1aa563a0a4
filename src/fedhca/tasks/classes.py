"""What the tasks that name a class, of each pixel or of the picture, have in common."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fedhca.errors import DataError, RecipeError
from fedhca.stats import Confusion
from fedhca.tasks.pixels import labelled, require_fit, require_label
from fedhca.tasks.task import IGNORE, Task


def cross_entropy(task: Task, output: Float[Tensor, "b c ..."], label: Int[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
    """Return −log softmax(output)[label] of each, in float32; 0 where there is no label."""
    require_classes(task, output, label)
    # Not reduced here: torch's own sum over pixels has no deterministic form on a GPU.
    return torch.nn.functional.cross_entropy(output.float(), label.long(), ignore_index=IGNORE, reduction="none")


def most_likely(output: Float[Tensor, "b c ..."]) -> Int[Tensor, "b ..."]:
    """Return the index of the greatest channel of each."""
    return output.argmax(dim=1)


def confusion(task: Task, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Confusion:
    """Count the labelled pixels by true and by most likely class."""
    require_classes(task, output, label)
    return Confusion.of(most_likely(output), label, labelled(label), task.channels)


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
    require_fit(task, output, label)
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
