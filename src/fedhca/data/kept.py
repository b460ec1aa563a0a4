"""A data set whose raw samples are kept in memory: for small pictures that are slow to make."""

from collections.abc import Collection, Sequence

import numpy as np

from fedhca.data.source import IMAGE, Sample, Source
from fedhca.data.wrapped import Wrapped

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

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the source's samples, after cropping and padding."""
        return self._source.size

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

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return what the source says."""
        return self._source.usable(index, tasks)

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source for those who hold a share of it; it keeps samples of its own if it differs."""
        source = self._source.given(indices)
        return self if source is self._source else Kept(source, self._most)
