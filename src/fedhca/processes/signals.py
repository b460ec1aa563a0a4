"""How this process ends when it is asked to: the first time as soon as nothing is left half done, the second at once.

Ctrl-C (SIGINT), a supervisor (SIGTERM) and a terminal that goes (SIGHUP) all count. What is on disk is whole at any
moment, so "at once" loses nothing but the round that was going on.
"""

import os
import signal
import sys
from types import FrameType

ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""
SHOW_CURSOR = "\x1b[?25h"


class _Asked:
    """By what this process was asked to end, if it was."""

    number: int = 0


def stop_when_asked() -> None:
    """Have whatever asks this process to end raise KeyboardInterrupt in it, once; what it ignores stays ignored.

    So `nohup` keeps its promise, and so does a shell that starts a command in the background.
    """
    _Asked.number = 0
    for number in ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def asked() -> int:
    """Return the number of the signal that asked this process to end; 0 if none did."""
    return _Asked.number


def require_wanted() -> None:
    """Raise KeyboardInterrupt if this process was asked to end: the first one may have been lost.

    Python drops what is raised while it tidies up objects.
    """
    if _Asked.number:
        raise KeyboardInterrupt


def leave_at_once(number: int, frame: FrameType | None = None) -> None:
    """End this process now; what it started on a leash ends with it."""
    del frame
    if sys.stderr.isatty():  # a progress bar may have hidden it
        sys.stderr.write(SHOW_CURSOR + "\n")
        sys.stderr.flush()
    os._exit(128 + number)


def _end(number: int, frame: FrameType | None) -> None:
    if _Asked.number:
        leave_at_once(number, frame)
    _Asked.number = number
    raise KeyboardInterrupt
