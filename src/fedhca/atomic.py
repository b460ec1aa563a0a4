"""Whole files or none: write aside, flush to the disk, rename."""

import os
import tempfile
from pathlib import Path

from fedhca.errors import RunFolderError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that after a crash at any moment there is either the old one or the new one, whole.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full; the old file is as it was.

    """
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)
        mend = "Choose a folder that can be written, with free space."
        raise RunFolderError(f"Cannot write '{path}': {error.strerror or error}. {mend}") from error


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last; some systems cannot open folders, and need not."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
