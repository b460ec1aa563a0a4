"""How a command ends: its exit code, and one line where it is not 0."""

import os
import platform
import re
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from fedhca.cli.global_options import TRACEBACK
from fedhca.cli.output import say
from fedhca.cli.versions import PACKAGES, installed
from fedhca.errors import FedhcaError, one_line
from fedhca.processes.signals import asked

WRONG, USAGE, BUG, STOPPED = 1, 2, 70, 130
CODES = {
    0: "It did what was asked.",
    WRONG: "It could not. One line on standard error says what was expected, what was found, and the mend.",
    USAGE: "The command was used wrongly; nothing was begun.",
    BUG: "A bug of fedhca; the line names a file with all that is known about it.",
    STOPPED: "Stopped by Ctrl-C (129: its terminal went; 143: SIGTERM). The last line says how to go on.",
}
"""Exit codes, and what they mean."""

MEMORY = "Memory ran out. Smaller batches (training.batch_size), fewer --jobs, or `states: disk` need less."


class _Hint:
    """How to go on with what is being done now."""

    words: str = ""


@contextmanager
def goes_on_with(*words: object) -> Iterator[None]:
    """While this lasts, whoever stops the command is told that these words go on with it; the same ones if none."""
    _Hint.words = shlex.join(["fedhca", *(str(word) for word in words)] if words else ["fedhca", *sys.argv[1:]])
    try:
        yield
    except KeyboardInterrupt:
        raise  # the hint is read at the very end
    except BaseException:
        _Hint.words = _Hint.words if asked() else ""
        raise
    _Hint.words = ""


def watch_signals() -> None:
    """Forget how an earlier command of this process could have been gone on with."""
    _Hint.words = ""


def stopped() -> int:
    """Say that the command was stopped, and how to go on; return the exit code."""
    say(f"stopped; to go on: {_Hint.words}" if _Hint.words else "stopped")
    return 128 + (asked() or signal.SIGINT)


def wrong(error: BaseException) -> int:
    """Say what went wrong in one line, and return the exit code."""
    if asked() and not isinstance(error, FedhcaError):  # what is torn off may look like anything
        return stopped()
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    describe = getattr(error, "format_message", None)  # typer's usage errors; their class has no public name
    if describe is not None:
        words = re.sub(r"(Did you mean [^?]+\?) \1", r"\1", describe())  # click and typer both suggest a name
        command = getattr(getattr(error, "ctx", None), "command_path", "fedhca")
        say(f"{words} See `{command} -h`." if words else "")
        return USAGE
    if isinstance(error, FedhcaError):
        say(str(error))
    elif isinstance(error, OSError):  # a folder that may not be entered, a disk that went away
        say(f"{error.filename or 'A file'}: {error.strerror or error}. Give a place that can be read and written.")
    elif isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "t allocate memory" in str(error):
        say(MEMORY)
    else:
        say(_bug(error))
        return BUG
    return stopped() if asked() else WRONG


def _bug(error: BaseException) -> str:
    """Write down what is known about a bug; return the line that says where."""
    what = one_line(f"{type(error).__name__}: {error}", 200)
    about = [shlex.join(["fedhca", *sys.argv[1:]]), f"Python {platform.python_version()}, {platform.platform()}"]
    about += [f"{name} {installed(name)}" for name in ("fedhca", *PACKAGES)]
    text = "\n".join([*about, "", *traceback.format_exception(error)])
    try:
        number, name = tempfile.mkstemp(prefix="fedhca-bug-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        sys.stderr.write(text)
        return f"This is a bug of fedhca, not of yours: {what}. Please report it with what stands above."
    mend = "Please report it with that file; look through it first, as it has the words of your command"
    return f"This is a bug of fedhca, not of yours: {what}. All about it is in {name}. {mend}."
