"""Data sets around another one: the same pictures under the same names, made smaller, or kept in memory."""

from abc import ABC
from collections.abc import Collection, Mapping, Sequence

import cv2
import numpy as np

from fedhca.data.source import IMAGE, Sample, Source
from fedhca.errors import RecipeError
from fedhca.tasks.task import Task


class Wrapped(Source, ABC):
    """What all sources around another have in common; how samples are read is left open."""

    _source: Source

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks of the source."""
        return self._source.tasks

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of samples after cropping and padding: those of the source."""
        return self._source.size

    def __len__(self) -> int:
        """Return the number of pictures of the source."""
        return len(self._source)

    def identifier(self, index: int) -> str:
        """Return the name the source has for a picture."""
        return self._source.identifier(index)

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return what the source says."""
        return self._source.usable(index, tasks)


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

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source for those who hold a share of it, made smaller."""
        source = self._source.given(indices)
        return self if source is self._source else Shrunk(source, self._factor, self._size)


MOST = 1 << 30
"""Bytes that one data set keeps at most; beyond them, maps are read anew each time."""


class Kept(Wrapped):
    """Another source that reads or makes every picture and label map once, as long as there is room.

    Args:
        source: the data set.
        most: bytes to keep at most.

    """

    def __init__(self, source: Source, most: int = MOST) -> None:
        self._source, self._most = source, most
        self._bytes = 0
        self._maps: dict[tuple[int, str], np.ndarray] = {}

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the picture and the labels; they are shared, so nobody may write into them."""
        missing = [name for name in tasks if (index, name) not in self._maps]
        fresh: Sample = {}
        if missing or (index, IMAGE) not in self._maps:
            fresh = self._source.read(index, missing)
            for name, values in fresh.items():
                self._keep((index, name), values)
        return {name: fresh[name] if name in fresh else self._maps[index, name] for name in (IMAGE, *tasks)}

    def _keep(self, key: tuple[int, str], values: np.ndarray) -> None:
        if key not in self._maps and self._bytes + values.nbytes <= self._most:
            self._bytes += values.nbytes
            values.flags.writeable = False
            self._maps[key] = values

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source for those who hold a share of it; it keeps samples of its own if it differs."""
        source = self._source.given(indices)
        return self if source is self._source else Kept(source, self._most)
