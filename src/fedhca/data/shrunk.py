"""A data set at a lower resolution: for small machines and quick looks."""

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from fedhca.data.source import Sample, Source
from fedhca.data.wrapped import Wrapped
from fedhca.errors import RecipeError
from fedhca.tasks.task import IGNORE


class Shrunk(Wrapped):
    """Another source with every picture and its labels made smaller, in training and testing alike.

    Pictures are averaged over areas, labels taken at the nearest pixel; a pixel is an edge if any pixel it covers is,
    as one in three of the pixels of a thin line would leave no line. Metrics are of the smaller pictures: they cannot
    be compared with those of the full ones.

    Args:
        source: the data set.
        factor: of both sides, in (0, 1).
        size: height and width in pixels that the smaller samples are cropped and padded to.

    Raises:
        RecipeError: the factor is outside (0, 1).

    """

    def __init__(self, source: Source, factor: float, size: tuple[int, int]) -> None:
        if not 0 < factor < 1:
            raise RecipeError(f"Parameter `shrink` should be in (0, 1). Found `shrink = {factor}`.")
        self._source, self._factor, self._size = source, factor, size

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the smaller samples, after cropping and padding."""
        return self._size

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the smaller picture and labels."""
        sample = self._source.read(index, tasks)
        y, x = (max(1, round(side * self._factor)) for side in sample["image"].shape[:2])
        return {name: _shrink(name, values, (x, y)) for name, values in sample.items()}

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return what the source says."""
        return self._source.usable(index, tasks)

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source for those who hold a share of it, made smaller."""
        source = self._source.given(indices)
        return self if source is self._source else Shrunk(source, self._factor, self._size)


def _shrink(name: str, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if name == "image":
        return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST_EXACT)
    if name != "edge":
        return small
    line = np.where(values == IGNORE, 0, values).astype(np.float32)
    covered = cv2.resize(line, size, interpolation=cv2.INTER_AREA) > 0
    return np.where(small == IGNORE, small, covered.astype(values.dtype))
