"""Which pictures of a split show people."""

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fedhca.data.listing import read_json
from fedhca.data.part_annotations import PERSON, object_classes
from fedhca.data.picture_file import require_picture
from fedhca.data.source import Sample, Source
from fedhca.data.wrapped import Wrapped
from fedhca.errors import DataError
from fedhca.storage.atomic import write_atomically
from fedhca.tasks.task import IGNORE


class People:
    """Flag by flag whether a picture shows people, in the order of the split's list; read when first asked for.

    `ImageSets/Parts/{split}.txt` says it: JSON from each identifier to its object classes. Where that file is absent
    or does not cover the split, it is made from all annotations, once: beside the data if it is absent and the folder
    can be written, else under `folder`.
    """

    def __init__(self, root: Path, split: str, identifiers: Sequence[str], folder: Path) -> None:
        self._path = root / "ImageSets" / "Parts" / f"{split}.txt"
        self._annotations = [root / "human_parts" / f"{name}.mat" for name in identifiers]
        self._folder = folder
        self._flags: list[bool] | None = None

    def __getitem__(self, index: int) -> bool:
        """Return whether the picture at a place of the list shows people; DataError names a broken file."""
        if self._flags is None:
            classes = self._classes()
            self._flags = [PERSON in classes[path.stem] for path in self._annotations]
        return self._flags[index]

    def _classes(self) -> Mapping[str, Collection[int]]:
        absent = not self._path.is_file()
        if not absent and self._covers(classes := _read(self._path)):
            return classes
        kept = self._folder / "people-1" / f"{self._key()}.json"
        if kept.is_file() and self._covers(classes := _read(kept)):
            return classes
        classes = {path.stem: object_classes(path) for path in self._annotations}
        for place in [self._path, kept] if absent else [kept]:
            try:
                write_atomically(place, json.dumps(classes).encode())
                break
            except OSError:  # read-only data is usual; without a cache either, the list is made again next time
                continue
        return classes

    def _covers(self, classes: Mapping[str, Collection[int]]) -> bool:
        return all(path.stem in classes for path in self._annotations)

    def _key(self) -> str:
        digest = blake2b(digest_size=20)
        for path in self._annotations:
            status = require_picture(path).stat()
            digest.update(f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()


class FileOrderFlags(Wrapped):
    """A share of a data set with the released code's defect: the flags "shows people" fit other pictures.

    The flags stay in the order of the split's list while the pictures are a random share, so the picture at place j
    of the share gets the flag at place j of the *list*. Pictures whose flag is false lose their labels of human
    parts; with a fraction p of pictures that show people about p² keep them. For replication only.
    """

    def __init__(self, source: Source, people: People, indices: Sequence[int]) -> None:
        self._source = source
        self._flags = {int(index): people[place] for place, index in enumerate(indices)}

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return the wrong flag, if human parts are the only task; else true."""
        return set(tasks) != {"human_parts"} or self._flags[index]

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return picture and labels, human parts only where the wrong flag says that there are some."""
        sample = self._source.read(index, tasks)
        if "human_parts" in sample and not self._flags[index]:
            sample["human_parts"] = np.full_like(sample["human_parts"], IGNORE)
        return sample


def _read(path: Path) -> dict[str, list[int]]:
    classes = read_json(path)
    if not isinstance(classes, dict) or not all(isinstance(value, list) for value in classes.values()):
        expected = f"{path}: expected JSON from each identifier to a list of object classes"
        raise DataError(f"{expected}; found another structure. Remove the file and it is made again.")
    return classes
