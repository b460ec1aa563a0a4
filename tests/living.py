"""Which processes live, and who started them: those that ended, and that nobody has asked yet how, do not."""

import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = "import sys, time; from pathlib import Path; from fedhca.storage.lock import in_use\n"
HOLD += "with in_use(Path(sys.argv[1])):\n    print(flush=True)\n    time.sleep(float(sys.argv[2]))"


def parents() -> dict[int, int]:
    """Return the parent of every living process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def started_by(ancestor: int) -> set[int]:
    """Return all that a process started, and that these did."""
    found, news, known = set[int](), {ancestor}, parents()
    while news:
        news = {number for number, parent in known.items() if parent in news}
        found |= news
    return found


def are_gone(numbers: Collection[int], within: float) -> bool:
    """Tell whether processes end within so many seconds."""
    end = time.monotonic() + within
    while not parents().keys().isdisjoint(numbers):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def holder(folder: Path, seconds: float = 60) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds a folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()
