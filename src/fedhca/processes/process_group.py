"""A process that ends with the one who started it, however that ends, and all that it started with it.

Run as a module it ends all that bear the mark that it bears itself.
"""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from fedhca.errors import FedhcaError

MARK = "FEDHCA_LEASH"
"""Variable with the mark of a leash, which a process hands on to what it starts, in whichever group and session."""
HOLD = (
    "exec 3<&0 </dev/null; "
    '{ trap "" TERM; read _ <&3; "$0" -P -m fedhca.processes.process_group; kill -KILL 0; } >/dev/null 2>&1 & '
    'exec "$@" 3<&-'
)
"""For the shell: beside a command, wait for the end of a pipe that only the one who started it holds; then kill all."""
LOOKS = 5
"""At most so many times all are looked for: while some are killed, others may start more."""


def start_on_leash(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any
) -> tuple[subprocess.Popen[Any], IO[bytes], str]:
    """Start a command as a group of processes of its own, which a Ctrl-C at the terminal does not reach.

    With the command come its leash and its mark. When the leash is closed, by whom or what ever, all that the command
    started is killed, soon; `end_marked` kills it now. On systems without /proc, what the command starts in groups of
    their own is not found.

    Args:
        command: its words.
        env: its variables; this process's if not given.
        options: of subprocess.Popen.

    Raises:
        FedhcaError: this system has no groups of processes.

    """
    require_groups()
    mark = uuid.uuid4().hex
    end, held = os.pipe()
    with os.fdopen(end, "rb"):
        leash = os.fdopen(held, "wb")
        words = ["sh", "-c", HOLD, sys.executable, *command]
        marked = {**(os.environ if env is None else env), MARK: mark}
        process = subprocess.Popen(words, stdin=end, env=marked, start_new_session=True, **options)
    return process, leash, mark


def require_groups() -> None:
    """Raise FedhcaError on systems without groups of processes, such as Windows."""
    if not hasattr(os, "killpg"):
        mend = "Use Linux, macOS or WSL; runs in one process work here"
        raise FedhcaError(f"Processes side by side, and sites, need groups of processes. Found {sys.platform}. {mend}.")


def end_marked(mark: str) -> None:
    """Kill all processes with a mark and what they started, but for this one."""
    for _ in range(LOOKS):
        others = _marked(mark) - {os.getpid()}
        for number in others:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if not others:
            return


def _marked(mark: str) -> set[int]:
    """Return the processes with a mark, and what they started: to name itself, a process may write over its mark."""
    words, parents, found = f"{MARK}={mark}".encode(), dict[int, int](), set[int]()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            parents[int(path.name)] = int((path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            if words in (path / "environ").read_bytes().split(b"\0"):
                found.add(int(path.name))
    news = found
    while news:
        news = {number for number, parent in parents.items() if parent in news} - found
        found |= news
    return found


if __name__ == "__main__":
    end_marked(os.environ[MARK])
