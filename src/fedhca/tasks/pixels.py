"""Which pixels (or pictures, or points) count, and the mean over them."""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from fedhca.errors import DataError, RecipeError
from fedhca.tasks.task import IGNORE, Task


def labelled(label: Shaped[Tensor, "..."]) -> Bool[Tensor, "..."]:
    """Return where there is a label."""
    return label != IGNORE


def mean_over(values: Float[Tensor, "b ..."], valid: Bool[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """Return the mean of the valid values; 0, with a gradient of 0, where none is."""
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)


def require_label_fits(task: Task, output: Tensor, label: Tensor, *, vectors: bool = False) -> None:
    """Raise unless the head's output has the task's channels and the label the output's size.

    Raises:
        RecipeError: the output has other channels than the task.
        DataError: the label's shape is not [b, ...], or [b, c, ...] for `vectors`, of the output.

    """
    require_channels(task, output)
    expected = output.shape if vectors else output[:, 0].shape
    if label.shape != expected:
        found = f"Found {list(label.shape)}: images and labels must be of one size."
        raise DataError(f"Labels of task '{task.name}' should have the output's shape {list(expected)}. {found}")


def require_label(task: Task, label: Tensor, shape: tuple[int, ...], *, whole: bool = False) -> None:
    """Raise DataError unless the label of one picture has the shape, and whole numbers if it should."""
    named, found = f"Labels of task '{task.name}' should", tuple(label.shape)
    if found != shape:
        mend = "Resize it to its picture's size, each pixel the nearest one."
        if tuple(label.squeeze().shape) == shape:
            mend = "Take the axis of length 1 out: label.squeeze()."
        elif sorted(found) == sorted(shape):
            mend = "Bring its axes into that order: label.permute(...)."
        raise DataError(f"{named} have the shape {list(shape)}, as their picture. Found {list(found)}. {mend}")
    if whole and label.is_floating_point():
        kind = str(label.dtype).removeprefix("torch.")
        raise DataError(f"{named} be whole numbers. Found {kind}. Convert it: label.long(), of NumPy astype('int64').")


def require_channels(task: Task, output: Tensor) -> None:
    """Raise RecipeError unless the head's output has the task's channels."""
    found = output.shape[1]
    if found != task.channels:
        instead = f"Found {found}: build the model for it."
        raise RecipeError(f"Task '{task.name}' should get {task.channels} channels. {instead}")
