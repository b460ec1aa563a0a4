"""Whole files or none: write aside, flush to the disk, rename."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from fedhca.errors import RunFolderError


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, piece after piece, so that nobody, in any process and after any crash, sees half of it.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full; the old file is as it was.

    """
    # Not by `tempfile`, whose files nobody but their owner may read.
    aside = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("xb") as file:
            for piece in content:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        _discard(aside)
        mend = "Choose a folder that can be written, with free space."
        raise RunFolderError(f"Cannot write '{path}': {error.strerror or error}. {mend}") from error
    except BaseException:
        _discard(aside)
        raise


def inside(folder: Path, *parts: str) -> Path:
    """Return a place to write to in a folder that may be a stranger's; RunFolderError where it is a link."""
    for number in range(1, len(parts) + 1):
        if (place := folder.joinpath(*parts[:number])).is_symlink():
            raise RunFolderError(f"'{place}' should be a folder. Found a link, which may lead anywhere. Give --out.")
    return folder.joinpath(*parts)


def _discard(aside: Path) -> None:
    """Remove the draft; what kept it from being written may keep it there, and the first error is the one to tell."""
    with suppress(OSError):
        aside.unlink(missing_ok=True)


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
