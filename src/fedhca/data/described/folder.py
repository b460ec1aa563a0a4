"""A folder of pictures and labels that says in dataset.yaml what it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import UInt8

from fedhca.data.described.dataset_description import FILE, DataSetDescription, read_dataset_description
from fedhca.data.described.described_source import Described, Stored
from fedhca.data.described.files import PICTURES, contents, files_of
from fedhca.data.described.label import Label
from fedhca.data.described.splits import TRAIN, split_of
from fedhca.data.image import read_upright
from fedhca.errors import DataError


@final
class Folder(Described):
    """Pictures in one folder, and one folder of labels for each task.

        images/ID.jpg  TASK/ID.png …  dataset.yaml

    Pictures are turned as the camera held them (EXIF), as whoever drew the labels saw them.

    Args:
        root: the folder with all that.
        split: `train` or `val`.
        size: height and width in pixels that samples are cropped and padded to.
        expected: the tasks it has to have, as others describe them: of the same kind, with as many classes.

    Raises:
        DataError: a folder, a list or dataset.yaml is missing, broken, leads elsewhere or says something else than
            `expected`; when reading: a file is missing or broken, is no label of its kind, or has another size than
            the picture.

    """

    def __init__(
        self,
        root: Path,
        split: str = TRAIN,
        *,
        size: tuple[int, int] = (512, 512),
        expected: Mapping[str, Label] | None = None,
    ) -> None:
        self._root, self._size = Path(root), size
        self.description = read_dataset_description(self._root)
        self.labels = self.description.tasks
        _require(self._root / FILE, self.description, expected or {})
        self._pictures = files_of(self._root, self.description.images, PICTURES)
        if not self._pictures:
            folder = self._root / self.description.images
            raise DataError(
                f"{folder}: expected pictures ({', '.join(PICTURES)}); found {contents(folder) or 'none'}. "
                "Put them there, side by side; save those of another format as PNG."
            )
        self._labels = {name: label.find(self._root, name) for name, label in self.labels.items()}
        for name, label in self.labels.items():
            label.require_readable(self._root, name, self._pictures.keys() - self._labels[name].keys())
        self._identifiers = split_of(self._root, self.description, self._pictures, split)

    def __len__(self) -> int:
        """Return the number of pictures of the split."""
        return len(self._identifiers)

    def identifier(self, index: int) -> str:
        """Return the name of a picture: the stem of its file."""
        return self._identifiers[index]

    def picture(self, index: int) -> tuple[Path, UInt8[np.ndarray, "y x 3"]]:
        """Return a picture's file and what it shows."""
        path = self._picture_path(index)
        return path, read_upright(path)

    def has(self, index: int, task: str) -> bool:
        """Return whether there is a file of the task for a picture."""
        return self._identifiers[index] in self._labels[task]

    def stored(self, index: int, task: str) -> Stored:
        """Return a label's file and its values."""
        found = self._labels[task].get(self._identifiers[index])
        if found is None:
            raise self._missing(index, task)
        return (found, self.labels[task].read(found)) if isinstance(found, Path) else found

    def _picture_path(self, index: int) -> Path:
        name = self._identifiers[index]
        if name not in self._pictures:
            place = self._root / self.description.images / f"{name}.*"
            mend = "Add the file or take the line out of the list."
            raise DataError(f"{place}: expected this picture, as '{name}' stands in a list; found none. {mend}")
        return self._pictures[name]

    def _missing(self, index: int, task: str) -> DataError:
        label, picture = self.labels[task], self._picture_path(index)
        place = self._root / label.file_of(task)
        if label.is_map:
            place /= f"{self._identifiers[index]}{label.suffix}{label.endings[0]}"
        mend = f"Add it, or set `missing: ignore` for `{task}` in {FILE}."
        return DataError(f"{place}: expected the label of {picture}; found none. {mend}")


def _require(file: Path, description: DataSetDescription, expected: Mapping[str, Label]) -> None:
    """Raise DataError where a task is not there, or is another one than others think."""
    for name, label in expected.items():
        mine = description.tasks.get(name)
        if mine is None:
            known = ", ".join(description.tasks)
            raise DataError(f"{file}: expected task '{name}', as in the recipe; found {known}. Add it.")
        if mine.task(name) != label.task(name):
            raise DataError(
                f"{file}: expected task '{name}' to be {label.task(name)}, as in the recipe; found {mine.task(name)}. "
                "Correct one of them."
            )
