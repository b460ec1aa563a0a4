"""Labels that are slow to make, made once and kept as pictures."""

import os
import sys
import warnings
from collections.abc import Callable
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fedhca.data.picture_file import open_picture, require_picture
from fedhca.storage.atomic import write_atomically

_DIGEST = "blake2b"


def default_folder() -> Path:
    """Return the platform's folder for files that can be made again, `…/fedhca`."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "fedhca"


class LabelCache:
    """Label maps under a folder, found by the content of the file they are made from.

    Moving a data set keeps its entries, changing a file leaves its entry behind. Entries are PNG pictures with a
    checksum of their pixels: one that is damaged is made again. Any number of processes may share a folder. Where it
    cannot be written, labels are made anew each time and a warning says so once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_folder() if folder is None else folder
        self._warned = False

    def label(
        self, path: Path, kind: str, make: Callable[[bytes], UInt8[np.ndarray, "y x"]]
    ) -> UInt8[np.ndarray, "y x"]:
        """Return the label map that `make` makes from the content of a file.

        Args:
            path: the file to make it from; DataError where there is none.
            kind: name and version of what `make` does; raise the version when it changes.
            make: from the file's bytes to the label map.

        """
        content = require_picture(path).read_bytes()
        key = blake2b(content, digest_size=20, person=b"fedhca-label").hexdigest()
        entry = self.folder / kind / key[:2] / f"{key}.png"
        label = _read(entry)
        if label is None:
            label = make(content)
            self._keep(entry, label)
        return label

    def _keep(self, entry: Path, label: UInt8[np.ndarray, "y x"]) -> None:
        try:
            write_atomically(entry, _encode(label))
        except OSError as cause:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"{self.folder}: cannot write the cache of labels ({cause}); they are made anew each "
                    "time, which is slow. Give another folder by `cache`.",
                    stacklevel=2,
                )


def _read(entry: Path) -> UInt8[np.ndarray, "y x"] | None:
    try:
        with open_picture(entry) as image:
            label = np.array(image)
            sound = image.mode == "L" and image.info.get(_DIGEST) == _checksum(label)
    except Exception:  # missing or damaged in whatever way: it is made again
        return None
    return label if sound else None


def _encode(label: UInt8[np.ndarray, "y x"]) -> bytes:
    info = PngInfo()
    info.add_text(_DIGEST, _checksum(label))
    buffer = BytesIO()
    Image.fromarray(label).save(buffer, "PNG", pnginfo=info, compress_level=3)
    return buffer.getvalue()


def _checksum(label: UInt8[np.ndarray, "y x"]) -> str:
    return blake2b(label.tobytes(), digest_size=16, salt=str(label.shape).encode()[:16]).hexdigest()
