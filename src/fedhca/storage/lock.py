"""A folder in use: one process at a time writes to it."""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fedhca.errors import RunFolderError

LOCK = ".lock"
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}
"""What file systems say that know no locks, as some over a network."""


@contextmanager
def in_use(folder: Path, name: str = LOCK, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder; the system lets go of it with this process, however that ends.

    The folder is made where it is not there. Within one process it may be held several times.

    Args:
        folder: to hold.
        name: of the file that is locked.
        wait: whether to wait for another process that holds it.

    Raises:
        RunFolderError: another process holds it, or it cannot be written.

    """
    path = folder.absolute() / name
    lock = FileLock(path, thread_local=False, is_singleton=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        found = f"Found it held{_by(path)}"
        raise RunFolderError(f"'{folder}' should not be in use. {found}. Wait for its end, or stop it.") from None
    except (OSError, NotImplementedError) as error:
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            mend = "Choose a folder that can be written."
            raise RunFolderError(f"Cannot write '{path}': {cause}. {mend}") from error
        warnings.warn(f"'{folder}' cannot be locked ({cause}): start one command at a time in it.", stacklevel=3)
    try:
        yield
    finally:
        lock.release()


def _by(path: Path) -> str:
    """Return the process that holds a lock, in words; nothing where the system does not tell."""
    with suppress(OSError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].endswith(f":{inode}") and int(words[4]) > 0:
                return f" by process {words[4]}"
    return ""
