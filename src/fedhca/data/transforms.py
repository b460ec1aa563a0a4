"""From a raw sample to what a model sees: augmentation for training, padding for testing.

Both are pure functions, the first of the sample and a generator. They return

- `image` float32 [3, y, x], normalised with ImageNet's mean and deviation, 0 in the padding;
- labels as their tasks finish them: maps of whole numbers as int64 [y, x]; of others as float32 [y, x], with vectors as
  [3, y, x]; 255 in the padding.
"""

from collections.abc import Mapping

import numpy as np

from fedhca.data.colours import distort, normalise
from fedhca.data.source import IMAGE, Sample
from fedhca.data.window import draw_window
from fedhca.errors import DataError
from fedhca.tasks.task import Task
from fedhca.tasks.view import pad


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
