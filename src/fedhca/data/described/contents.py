"""What lies in a folder, in a few words: for messages about what should."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

MOST = 4
"""Endings, or folders, that are named."""


def contents(folder: Path, known: Collection[str] = ()) -> str:
    """Say how many files of which endings, beside the `known` ones, and which folders lie in a folder."""
    here = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    endings = Counter(path.suffix.lower() for path in here if path.suffix.lower() not in known and not path.is_dir())
    files = [f"{count} {ending or 'without ending'}" for ending, count in endings.most_common(MOST)]
    return ", ".join(files + [f"{path.name}/" for path in here if path.is_dir()][:MOST])
