"""Names of files and pictures, compared by their letters and not by their bytes.

macOS and some archives take é apart into e and an accent (Unicode's form NFD). Such a name looks like the composed one
(NFC) and has other bytes.
"""

import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    """Return a name in composed letters (NFC), the form in which names are compared."""
    return unicodedata.normalize("NFC", name)


def on_disk(path: Path) -> Path:
    """Return a path as the disk spells it; the path itself where there is nothing of that name."""
    if str(path).isascii() or path.exists() or path == path.parent:
        return path
    parent = on_disk(path.parent)
    beside = parent.iterdir() if parent.is_dir() else ()
    return next((each for each in beside if composed(each.name) == composed(path.name)), path)
