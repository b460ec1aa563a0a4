"""The geometric part of augmentation: scale, crop and flip as one window on the original pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt8

from fedhca.tasks.task import IGNORE

TRIES = 10
DOMINANCE = 0.75


@dataclass(frozen=True)
class Window:
    """The region that a training sample shows: of the picture scaled to `scaled`, the crop at `corner`, mirrored.

    Attributes:
        original: height and width of the picture.
        scaled: height and width after scaling.
        corner: top and left of the crop in the scaled picture.
        shape: height and width of the crop.
        flipped: whether the crop is mirrored from left to right.
        scale: that was drawn; the scaled sides are rounded down from it.

    """

    original: tuple[int, int]
    scaled: tuple[int, int]
    corner: tuple[int, int]
    shape: tuple[int, int]
    flipped: bool = False
    scale: float = 1.0

    def nearest(self, label: Shaped[np.ndarray, "_ _ ..."]) -> Shaped[np.ndarray, "_ _ ..."]:
        """Return the label map seen through the window, each pixel the one whose square holds its centre."""
        rows, columns = self._centres(0), self._centres(1)
        if self.flipped:
            columns = columns[::-1]
        # Both give the same; the first is faster for one channel, the second for three.
        return label[rows][:, columns] if label.ndim == 2 else label[rows].take(columns, axis=1)

    def bilinear(self, image: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
        """Return the picture seen through the window, by bilinear interpolation, its border replicated."""
        (height, width), (top, left) = self.shape, self.corner
        down, across = (original / scaled for original, scaled in zip(self.original, self.scaled, strict=True))
        first = left + (width - 1 if self.flipped else 0)
        step = -across if self.flipped else across
        # From a pixel of the window to one of the picture; centres lie half a pixel from the corner.
        back = np.array([[step, 0, (first + 0.5) * across - 0.5], [0, down, (top + 0.5) * down - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(image, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def places(self, places: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, "k 2"]:
        """Return where places (x, y) of the picture are seen; whole numbers are centres of pixels."""
        (height, width), (top, left) = self.original, self.corner
        x = (places[:, 0] + 0.5) * self.scaled[1] / width - left - 0.5
        y = (places[:, 1] + 0.5) * self.scaled[0] / height - top - 0.5
        return np.stack([self.shape[1] - 1 - x if self.flipped else x, y], axis=1)

    def _centres(self, axis: int) -> Int64[np.ndarray, "_"]:
        """Return ⌊(i + ½)·original/scaled⌋ for the window's rows or columns i, in whole numbers."""
        places = self.corner[axis] + np.arange(self.shape[axis])
        return (2 * places + 1) * self.original[axis] // (2 * self.scaled[axis])


def draw_window(
    original: tuple[int, int],
    size: tuple[int, int],
    generator: np.random.Generator,
    *,
    scale: tuple[float, float],
    flip: bool,
    classes: UInt8[np.ndarray, "y x"] | None = None,
) -> Window:
    """Draw scale, crop and flip.

    With a map of classes the crop is drawn again while it shows fewer than two classes or one of them has
    75 % or more of the labelled pixels; after ten tries one more is taken as it comes.

    Args:
        original: height and width of the picture.
        size: height and width to crop to where the scaled picture is larger.
        generator: source of the draws.
        scale: least and greatest scale.
        flip: whether to mirror with probability ½.
        classes: of the picture.

    """
    factor = generator.uniform(*scale)
    scaled = (max(1, int(original[0] * factor)), max(1, int(original[1] * factor)))
    shape = (min(scaled[0], size[0]), min(scaled[1], size[1]))
    window = Window(original, scaled, _corner(scaled, shape, generator), shape)
    if classes is not None and shape != scaled:
        for _ in range(TRIES):
            if _balanced(window.nearest(classes)):
                break
            window = Window(original, scaled, _corner(scaled, shape, generator), shape)
    flipped = flip and bool(generator.random() < 0.5)
    return Window(original, scaled, window.corner, shape, flipped, factor)


def _corner(scaled: tuple[int, int], shape: tuple[int, int], generator: np.random.Generator) -> tuple[int, int]:
    top = generator.integers(scaled[0] - shape[0] + 1)
    left = generator.integers(scaled[1] - shape[1] + 1)
    return int(top), int(left)


def _balanced(label: UInt8[np.ndarray, "y x"]) -> bool:
    counts = cv2.calcHist([label], [0], None, [256], [0, 256])[:IGNORE]
    return int(np.count_nonzero(counts)) > 1 and float(counts.max()) < DOMINANCE * float(counts.sum())
