"""Which pixels (or pictures, or points) count, and the mean over them."""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from fedhca.errors import DataError, RecipeError
from fedhca.tasks.task import IGNORE, Task


def labelled(label: Shaped[Tensor, "b ..."]) -> Bool[Tensor, "b ..."]:
    """Return where there is a label."""
    return label != IGNORE


def mean_over(values: Float[Tensor, "b ..."], valid: Bool[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """Return the mean of the valid values; 0, with a gradient of 0, where none is."""
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)


def require_fit(task: Task, output: Tensor, label: Tensor, *, vectors: bool = False) -> None:
    """Raise unless the head's output has the task's channels and the label the output's size.

    Raises:
        RecipeError: the output has other channels than the task.
        DataError: the label's shape is not [b, ...], or [b, c, ...] for `vectors`, of the output.

    """
    require_channels(task, output)
    expected = output.shape if vectors else output[:, 0].shape
    if label.shape != expected:
        raise DataError(
            f"Labels of task '{task.name}' should have the output's shape {list(expected)}. "
            f"Found {list(label.shape)}: images and labels must be of one size."
        )


def require_channels(task: Task, output: Tensor) -> None:
    """Raise RecipeError unless the head's output has the task's channels."""
    found = output.shape[1]
    if found != task.channels:
        raise RecipeError(
            f"Task '{task.name}' should get {task.channels} channels. Found {found}: build the model for it."
        )
