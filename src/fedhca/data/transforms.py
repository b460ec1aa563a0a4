"""From a raw sample to what a model sees: augmentation for training, padding for testing.

Both are pure functions, the first of the sample and a generator. They return

- `image` float32 [3, y, x], normalised with ImageNet's mean and deviation, 0 in the padding;
- labels that are uint8 as int64 [y, x]; float32 ones as they are, with vectors as [3, y, x]; 255 in the padding.
"""

import numpy as np
from jaxtyping import Shaped

from fedhca.data.colours import distort, normalise
from fedhca.data.source import Sample
from fedhca.data.window import Window, draw_window
from fedhca.errors import DataError
from fedhca.tasks.task import IGNORE


def train_transform(
    sample: Sample,
    size: tuple[int, int],
    generator: np.random.Generator,
    *,
    scale: tuple[float, float] = (0.5, 2.0),
    photometric: bool = True,
    flip: bool = True,
) -> dict[str, np.ndarray]:
    """Scale, crop, flip, distort, normalise and pad a sample at random.

    The picture is interpolated bilinearly, labels by the nearest pixel, each once. Depth is divided by the scale, as
    a camera that sees things s times as large stands s times as close; x of normals is negated by a flip.

    Args:
        sample: picture and labels.
        size: height and width of the result.
        generator: source of all draws.
        scale: least and greatest scale.
        photometric: whether to change brightness, contrast, saturation and hue.
        flip: whether to mirror half of the samples from left to right.

    """
    image = sample["image"]
    original = (image.shape[0], image.shape[1])
    semseg = sample.get("semseg")
    window, factor = draw_window(original, size, generator, scale=scale, flip=flip, semseg=semseg)
    seen = {name: _see(name, label, window, factor) for name, label in sample.items() if name != "image"}
    picture = window.bilinear(image)
    return _finish({"image": distort(picture, generator) if photometric else picture, **seen}, size)


def evaluation_transform(sample: Sample, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Normalise and pad a sample; DataError where it is larger than `size`, as testing never crops or scales."""
    height, width = sample["image"].shape[:2]
    if height > size[0] or width > size[1]:
        raise DataError(
            f"expected a picture of at most {size[0]} × {size[1]} pixels, the data set's `size`; found "
            f"{height} × {width}. Raise `size`: test pictures are padded, never scaled or cropped."
        )
    return _finish(sample, size)


def padding(shape: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return where top and left of a picture lie once it is padded: centred, an extra pixel at the end.

    >>> padding((425, 560), (448, 576))
    (11, 8)
    """
    return (size[0] - shape[0]) // 2, (size[1] - shape[1]) // 2


def unpad(values: Shaped[np.ndarray, "... y x"], shape: tuple[int, int]) -> Shaped[np.ndarray, "... _ _"]:
    """Return the part of a padded map that shows the picture of `shape` pixels."""
    top, left = padding(shape, (values.shape[-2], values.shape[-1]))
    return values[..., top : top + shape[0], left : left + shape[1]]


def _see(name: str, label: Shaped[np.ndarray, "_ _ ..."], window: Window, scale: float) -> np.ndarray:
    seen = window.nearest(label)
    if name == "depth":
        seen[seen != IGNORE] /= scale
    if name == "normals" and window.flipped:
        across = seen[..., 0]
        across[across != IGNORE] *= -1
    return seen


def _finish(sample: Sample, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Normalise the picture, pad everything, and drop maps of human parts without a part."""
    finished = {name: _pad_label(label, size) for name, label in sample.items() if name != "image"}
    parts = finished.get("human_parts")
    if parts is not None and not np.any((parts != 0) & (parts != IGNORE)):
        parts.fill(IGNORE)
    return {"image": _pad(normalise(sample["image"]), size, 0, np.float32), **finished}


def _pad_label(label: Shaped[np.ndarray, "_ _ ..."], size: tuple[int, int]) -> np.ndarray:
    planes = np.moveaxis(label, 2, 0) if label.ndim == 3 else label
    return _pad(planes, size, IGNORE, np.int64 if label.dtype == np.uint8 else np.float32)


def _pad(
    values: Shaped[np.ndarray, "... _ _"], size: tuple[int, int], fill: int, kind: type[np.generic]
) -> Shaped[np.ndarray, "... _ _"]:
    padded = np.full((*values.shape[:-2], *size), fill, kind)
    unpad(padded, (values.shape[-2], values.shape[-1]))[...] = values
    return padded
