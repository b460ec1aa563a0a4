"""Whole files or none: write aside, flush to the disk, rename."""

import os
from pathlib import Path
from uuid import uuid4

from fedhca.errors import RunFolderError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that after a crash at any moment there is either the old one or the new one, whole.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full; the old file is as it was.

    """
    aside = path.with_name(f".{path.name}.{uuid4().hex}")  # not a tempfile: only its owner could read that
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
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
