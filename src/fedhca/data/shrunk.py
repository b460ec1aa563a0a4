"""A data set at a lower resolution: for small machines and quick looks."""

from collections.abc import Collection, Sequence

import cv2

from fedhca.data.source import IMAGE, Sample, Source
from fedhca.data.wrapped import Wrapped
from fedhca.errors import RecipeError


class Shrunk(Wrapped):
    """Another source with every picture and its labels made smaller, in training and testing alike.

    Pictures are averaged over areas; what becomes of a label is said by its task, `Task.shrunk`. Metrics are of the
    smaller pictures: they cannot be compared with those of the full ones.

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
        image = sample[IMAGE]
        shape = (image.shape[0], image.shape[1])
        y, x = (max(1, round(side * self._factor)) for side in shape)
        labels = {name: self.tasks[name].shrunk(sample[name], shape, (y, x)) for name in tasks}
        return {IMAGE: cv2.resize(image, (x, y), interpolation=cv2.INTER_AREA), **labels}

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return what the source says."""
        return self._source.usable(index, tasks)

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source for those who hold a share of it, made smaller."""
        source = self._source.given(indices)
        return self if source is self._source else Shrunk(source, self._factor, self._size)
