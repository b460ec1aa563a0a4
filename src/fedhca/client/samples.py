"""What a sample of a data set has to be, and the one line about a sample that is not."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from PIL.Image import Image
from torch import Tensor

from fedhca.errors import DataError, FedhcaError
from fedhca.tasks.task import Task

Batch = dict[str, Tensor]

LOOKS = 8
"""Samples of a data set that are looked at where all before seem odd."""

BRIGHT = 20.0
"""Normalised pictures stay far below; pictures of 0 to 255 do not."""

NORMALISE = "fedhca.data.colours.normalise makes it of uint8 [y, x, 3]"

NUMBERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@runtime_checkable
class PictureSet(Protocol):
    """A data set of dictionaries: `image` float32 [3, y, x], and a label for every task by its name.

    A data set with random augmentation offers `sample(index, seed)`, which draws from that seed alone; it is then used
    for training, and runs can be had again whatever the number of workers.
    """

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int) -> Batch:
        """Return one picture and its labels."""
        ...


def checked_sample(sample: Any, tasks: Sequence[Task], where: str) -> Batch:
    """Return the picture and the labels of `tasks` as tensors.

    Raises:
        DataError: the picture is not float32 [3, y, x] and finite, or a label is missing or none of its task.

    """
    if not isinstance(sample, Mapping):
        names = ", ".join(f"'{name}': …" for name in ("image", *(task.name for task in tasks)))
        raise DataError(f"{where} should be a dictionary {{{names}}}. Found a {type(sample).__name__}. Return one.")
    wanted = ("image", *(task.name for task in tasks))
    missing = [name for name in wanted if name not in sample]
    if missing:
        found = ", ".join(sorted(map(str, sample)))
        raise DataError(f"{where} should hold `{missing[0]}`. Found {found}. Add it to the data set, or drop the task.")
    batch = {name: _tensor(where, name, sample[name]) for name in wanted}
    _check_image(where, batch["image"])
    for task in tasks:
        try:
            task.check_label(batch[task.name], _size(batch))
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
    return batch


def read_sample(pictures: PictureSet, index: int, seed: int | None = None) -> Any:
    """Return a sample; with a seed one for training, drawn if the data set can draw."""
    draw: Any = getattr(pictures, "sample", None)
    return pictures[index] if draw is None or seed is None else draw(index, seed)


def check_first_samples(pictures: PictureSet, tasks: Sequence[Task], where: str, *, train: bool) -> None:
    """Look at the first sample of a data set before anything is trained, and at more while labels seem odd.

    Args:
        pictures: the data set; a sample that it cannot read is left to training, which has a policy for it.
        tasks: that labels are needed for.
        where: what to call the data set.
        train: whether its samples are drawn for training.

    Raises:
        DataError: a sample is none, or the labels of a task are odd in all samples looked at.

    """
    indices = range(0, len(pictures), -(-len(pictures) // LOOKS)) if len(pictures) else ()
    odd: dict[str, str] = {}
    for index in indices:
        try:
            sample = read_sample(pictures, index, 0 if train else None)
        except FedhcaError:
            return
        batch = checked_sample(sample, tasks, f"{where}, sample {index}")
        if not index and (greatest := float(batch["image"].abs().max())) > BRIGHT:
            reach = f"{where}: pictures have values up to {greatest:g}"
            warnings.warn(f"{reach}. Encoders want them normalised: {NORMALISE}.", stacklevel=2)
        maps = [task for task in tasks if batch[task.name].shape[-2:] == _size(batch)]
        found = {task.name: task.doubt(batch[task.name]) for task in maps}
        odd = {name: why for name, why in found.items() if why and (name in odd or not index)}
        if not odd:
            return
    for name, why in odd.items():
        raise DataError(f"{where}: labels of task '{name}' {why}. Found otherwise in all samples looked at.")


def _size(batch: Batch) -> tuple[int, int]:
    _, y, x = batch["image"].shape
    return y, x


def _tensor(where: str, name: str, value: Any) -> Tensor:
    if isinstance(value, Image):
        mend = f"{NORMALISE}: np.asarray(image.convert('RGB'))" if name == "image" else "Give np.array(label)"
        raise DataError(f"{where}: `{name}` should be a tensor or an array of NumPy. Found a picture of PIL. {mend}.")
    try:
        tensor = torch.as_tensor(value)
    except Exception as cause:  # byte orders, strides, objects: torch raises whatever it likes
        found = f"{value.dtype.str} {list(value.shape)}" if hasattr(value, "dtype") else f"a {type(value).__name__}"
        raise DataError(
            f"{where}: `{name}` should be a tensor or an array of NumPy that torch reads. Found {found}. "
            f"Convert it: np.ascontiguousarray({name}, '{'f4' if name == 'image' else 'f4 or i8'}')."
        ) from cause
    if tensor.dtype not in (*NUMBERS, *REAL):
        raise DataError(f"{where}: `{name}` should be int64 or float32. Found {_kind(tensor)}. Convert it.")
    return tensor


def _check_image(where: str, image: Tensor) -> None:
    if image.dtype == torch.float32 and image.dim() == 3 and image.shape[0] == 3:
        if not image.sum().isfinite() and not image.isfinite().all():  # the sum is one pass, and may overflow
            raise DataError(f"{where}: `image` should be finite. Found NaN or infinity. Correct the picture.")
        return
    if image.dtype in NUMBERS:
        mend = f"{NORMALISE}."
    elif image.dim() == 3 and image.shape[0] == 4:
        mend = "Leave out what is not colour: image[:3]."
    elif image.dim() == 2 or (image.dim() == 3 and image.shape[0] == 1):
        mend = "Repeat the channel: image.expand(3, -1, -1)."
    elif image.dim() == 3 and image.shape[2] == 3 and image.shape[0] != 3:
        mend = "Put channels first: image.permute(2, 0, 1)."
    else:
        mend = "Convert it: image.float(), of NumPy image.astype('float32')."
    raise DataError(f"{where}: `image` should be float32 [3, y, x]. Found {_kind(image)}. {mend}")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
