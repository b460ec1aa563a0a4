"""An engine's own processes: started as a group, so that none is left behind when they are stopped."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fedhca.errors import FedhcaError
from fedhca.processes.process_group import end_marked, start_on_leash
from fedhca.processes.signals import ENDS, leave_at_once

SITE, SERVER, RUN = "FEDHCA_SITE", "FEDHCA_SERVER", "FEDHCA_RUN"
"""Variables with the folder of this site, server, or run, for the processes that an engine starts for a run."""
QUIET = {"PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
SOON = 20.0
"""Seconds; a process that ends within so many will probably end again."""
PATIENCE, PAUSE, LOOK = 120.0, 5.0, 3.0
"""Seconds for which it is started again all the same, between, and between looks at what it prints."""
ROOM = 45.0
"""Seconds before it tries again after it gave up: a second copy of a site, which cuts the first one off for a while
whenever it tries, must leave it time to come back."""
CONNECTED = "connected to the server"
TOOLS = Path(sys.executable).parent
"""Where the commands of installed packages are."""


def last_line(words: str) -> str:
    """Return the last line."""
    return (words.strip().splitlines() or ["without a word."])[-1].strip()


class Processes:
    """A process and all that it starts; none of it outlives this process, however that ends.

    Args:
        command: its words.
        folder: it runs in; created where it is not there.
        console: file that takes what it prints.
        environment: variables for it and all it starts.
        explain: makes one line of what it printed, when it has ended.
        notice: finds in what it prints what its owner should see: one line, or nothing.
        gives_up: finds in it why it is to be ended, instead of trying again by itself: one line, or nothing.

    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        console: Path,
        environment: Mapping[str, str],
        explain: Callable[[str], str] = last_line,
        notice: Callable[[str], str] = lambda words: "",
        gives_up: Callable[[str], str] = lambda words: "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.console, self.explain, self.notice, self.gives_up = console, explain, notice, gives_up
        self.said = self.seen = console.stat().st_size if console.exists() else 0
        path = os.pathsep.join([environment.get("PATH", ""), str(TOOLS), os.environ.get("PATH", "")]).strip(os.pathsep)
        with console.open("ab") as log:
            self.process, self.leash, self.mark = start_on_leash(
                command,
                cwd=folder,
                env={**os.environ, **QUIET, **environment, "PATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self, tell: Callable[[str], None]) -> bool:
        """Wait until it ends, telling what its owner should see; return whether it was ended because it gives up."""
        while True:
            try:
                self.process.wait(LOOK)
                return False
            except subprocess.TimeoutExpired:
                words = self._words(self.seen)
                self.seen += len(words)
                text = words.decode(errors="replace")
                if self.gives_up(text):
                    self.stop()
                    return True
                if line := self.notice(text):
                    tell(line)

    def why(self) -> str:
        """Return one line about how it ended."""
        return self.explain(self._words(self.said).decode(errors="replace"))

    def _words(self, since: int) -> bytes:
        with self.console.open("rb") as log:
            log.seek(since)
            return log.read()

    def stop(self) -> None:
        """End the group and all that it started; the impatient end this process, and the leash the group."""
        with _undisturbed():
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(5)
            end_marked(self.mark)  # an engine may give its own processes groups of their own
            self.leash.close()
            self.process.wait()


@contextmanager
def _undisturbed() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield
        return
    heeded = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave_at_once) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def require_free(port: int) -> None:
    """Raise FedhcaError if somebody listens on a port: of two servers on one, each would get some of the messages."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("", port))
        except OSError as error:
            found = f"Found: {error.strerror}"
            raise FedhcaError(f"Port {port} should be free for the server. {found}. Stop who has it.") from error


def stay(start: Callable[[], Processes], tell: Callable[[str], None], folder: Path) -> None:
    """Keep an engine's process up until somebody ends this one; then leave none of the group behind.

    Args:
        start: starts it.
        tell: is told when it has to be started again.
        folder: whose process it is; it can have one only.

    Raises:
        FedhcaError: the engine's process does not stay up, or there is one of this folder already.

    """
    with not_running(folder), suppress(KeyboardInterrupt):
        _stay(start, tell)


@contextmanager
def not_running(folder: Path) -> Iterator[None]:
    """Hold the folder of a server or a site; FedhcaError if somebody does."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FedhcaError(f"'{folder}' should not be in use. It is started; stop that first.") from error
    try:
        yield
    finally:
        lock.release()


def _stay(start: Callable[[], Processes], tell: Callable[[str], None]) -> None:
    failed = 0.0
    while True:
        began = time.monotonic()
        processes = start()
        try:
            given_up = processes.wait(tell)
        finally:
            processes.stop()
        if given_up or time.monotonic() - began < SOON:
            failed, pause = failed or began, ROOM if given_up else PAUSE
            ended = processes.why() if given_up else f"The engine's process should stay up. It ended: {processes.why()}"
            if time.monotonic() - failed > PATIENCE:
                raise FedhcaError(f"{ended} More is in {processes.console}.")
            tell(f"{ended} Trying again in {pause:g} seconds.")
            time.sleep(pause)
        else:
            failed = 0.0
            tell("the engine's process ended; starting it again")
