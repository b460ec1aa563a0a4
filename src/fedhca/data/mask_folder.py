"""MaskFolder of a folder, one PNG for each picture: 0 to 255, or 0 and 1 throughout."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from fedhca.data.image import read_grey
from fedhca.errors import DataError

LOOKED_AT = 24
"""Files that tell whether a folder holds 0 and 1, evenly spread; one brighter pixel settles it."""


class MaskFolder:
    """The masks of a folder as 0 to 255.

    A folder in which no file that is looked at holds more than 1 holds 0 and 1, and 1 becomes 255. A single file would
    not tell: where the others hold 0 to 255, one that is nearly black may hold nothing above 1.

    Args:
        folder: of NAME.png.
        names: of the pictures.

    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, names

    def read(self, name: str) -> tuple[Path, UInt8[np.ndarray, "y x"]]:
        """Return the file of a mask and its values; DataError where it cannot be read, or is not as the others are."""
        path = self._folder / f"{name}.png"
        values = read_grey(path)
        if self._white == 255:
            return path, values
        if values.max(initial=0) > 1:
            expected = f"{path}: expected 0 and 1, as in the other files of the folder"
            raise DataError(f"{expected}; found {values.max()}. Save all of them alike, best with 0 and 255.")
        return path, values * np.uint8(255)

    @cached_property
    def _white(self) -> int:
        """What stands for yes: 1 where the files that are looked at hold 0 and 1, else 255."""
        brightest = 0
        for name in self._names[:: max(1, len(self._names) // LOOKED_AT)]:
            try:
                brightest = max(brightest, int(read_grey(self._folder / f"{name}.png").max(initial=0)))
            except DataError:  # said where that picture is read
                continue
            if brightest > 1:
                break
        return 1 if brightest == 1 else 255
