"""The pictures of one client as a torch data set: augmented for training, padded for testing."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.utils.data import Dataset

from fedhca.data.colours import distort, normalise
from fedhca.data.source import IMAGE, Sample, Source
from fedhca.data.window import draw_window
from fedhca.errors import DataError, RecipeError, unknown
from fedhca.tasks.task import Task
from fedhca.tasks.view import pad


class Augmented(Dataset[dict[str, Tensor]]):
    """A share of a source, augmented for training or padded for testing.

    A sample holds `image` float32 [3, y, x], normalised with ImageNet's mean and deviation, and the labels of the
    tasks as their losses take them; see `fedhca.tasks`. For training, pictures the tasks cannot learn from are left
    out.

    Args:
        source: the data set.
        indices: the pictures of the client, all of its share.
        tasks: names of the tasks whose labels are read.
        train: whether to augment.
        scale: least and greatest scale of augmentation.
        photometric: whether augmentation changes colours.
        flip: whether augmentation mirrors.

    Raises:
        RecipeError: the source has no such task.
        DataError: no picture of the share is of use; when reading, a file is missing or broken.

    """

    def __init__(
        self,
        source: Source,
        indices: Sequence[int] | Shaped[np.ndarray, "_"],
        tasks: Collection[str],
        *,
        train: bool,
        scale: tuple[float, float] = (0.5, 2.0),
        photometric: bool = True,
        flip: bool = True,
    ) -> None:
        for name in tasks:
            if name not in source.tasks:
                raise RecipeError(unknown("task of the data set", name, source.tasks))
        share = [int(index) for index in indices]
        self._source = source.given(share) if train else source
        self._tasks = tuple(tasks)
        self._train, self._scale, self._photometric, self._flip = train, scale, photometric, flip
        self._indices = [index for index in share if not train or self._source.usable(index, self._tasks)]
        if not self._indices:
            raise DataError(
                f"Expected pictures that {', '.join(self._tasks)} can learn from; found none among the {len(share)} "
                "of this share. Give the client a larger share or other tasks."
            )

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._indices)

    def identifier(self, index: int) -> str:
        """Return the name of a picture: the stem of its file."""
        return self._source.identifier(self._indices[index])

    def __getitem__(self, item: int | tuple[int, int]) -> dict[str, Tensor]:
        """Return a sample by index, or by index and seed; training needs the seed."""
        if isinstance(item, tuple):
            return self.sample(*item)
        if self._train:
            raise RecipeError("A sample for training should be asked for by (index, seed). Found an index alone.")
        return self.sample(item, 0)

    def sample(self, index: int, seed: int) -> dict[str, Tensor]:
        """Return a sample; all random draws derive from `seed`, whatever was drawn before."""
        raw = self._source.read(self._indices[index], self._tasks)
        if self._train:
            arrays = train_transform(
                raw,
                self._source.size,
                np.random.default_rng(seed),
                tasks=self._source.tasks,
                scale=self._scale,
                photometric=self._photometric,
                flip=self._flip,
            )
        else:
            try:
                arrays = evaluation_transform(raw, self._source.size, tasks=self._source.tasks)
            except DataError as error:
                raise DataError(f"Picture '{self.identifier(index)}': {error}") from None
        return {name: torch.from_numpy(values) for name, values in arrays.items()}


def train_transform(
    sample: Sample,
    size: tuple[int, int],
    generator: np.random.Generator,
    *,
    tasks: Mapping[str, Task],
    scale: tuple[float, float] = (0.5, 2.0),
    photometric: bool = True,
    flip: bool = True,
) -> dict[str, np.ndarray]:
    """Scale, crop, flip, distort, normalise and pad a sample at random.

    The picture is interpolated bilinearly, once; what becomes of a label is said by its task, `Task.seen`.

    Args:
        sample: picture and labels.
        size: height and width of the result.
        generator: source of all draws.
        tasks: of the labels, by name. Where classes of several could steer the crop, those of the sample's first do.
        scale: least and greatest scale.
        photometric: whether to change brightness, contrast, saturation and hue.
        flip: whether to mirror half of the samples from left to right.

    """
    image, labels = sample[IMAGE], _labels(sample)
    original = (image.shape[0], image.shape[1])
    classes = next((label for name, label in labels.items() if tasks[name].steers_crop), None)
    window = draw_window(original, size, generator, scale=scale, flip=flip, classes=classes)
    seen = {name: tasks[name].seen(label, window) for name, label in labels.items()}
    picture = window.bilinear(image)
    return _finish({IMAGE: distort(picture, generator) if photometric else picture, **seen}, size, tasks)


def evaluation_transform(sample: Sample, size: tuple[int, int], *, tasks: Mapping[str, Task]) -> dict[str, np.ndarray]:
    """Normalise and pad a sample; DataError where it is larger than `size`, as testing never crops or scales."""
    height, width = sample[IMAGE].shape[:2]
    if height > size[0] or width > size[1]:
        raise DataError(
            f"expected a picture of at most {size[0]} × {size[1]} pixels, the data set's `size`; found "
            f"{height} × {width}. Raise `size`: test pictures are padded, never scaled or cropped."
        )
    return _finish(sample, size, tasks)


def _labels(sample: Sample) -> Sample:
    return {name: label for name, label in sample.items() if name != IMAGE}


def _finish(sample: Sample, size: tuple[int, int], tasks: Mapping[str, Task]) -> dict[str, np.ndarray]:
    """Normalise the picture, and pad everything."""
    image = sample[IMAGE]
    shape = (image.shape[0], image.shape[1])
    finished = {name: tasks[name].finished(label, shape, size) for name, label in _labels(sample).items()}
    return {IMAGE: pad(normalise(image), size, 0, np.float32), **finished}
