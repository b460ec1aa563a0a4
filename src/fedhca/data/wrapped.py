"""A data set around another one: the same pictures under the same names, read in another way."""

from abc import ABC
from collections.abc import Mapping

from fedhca.data.source import Source
from fedhca.tasks.task import Task


class Wrapped(Source, ABC):
    """What all sources around another have in common; how samples are read and how large they are is left open."""

    _source: Source

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks of the source."""
        return self._source.tasks

    def __len__(self) -> int:
        """Return the number of pictures of the source."""
        return len(self._source)

    def identifier(self, index: int) -> str:
        """Return the name the source has for a picture."""
        return self._source.identifier(index)
