"""The tree of errors.

    FedhcaError            everything this package raises on purpose
    ├── RecipeError        a recipe, an option or an argument is wrong
    ├── DataError          a file of a data set is missing, broken or does not fit the others
    ├── LayoutError        parameters of two participants do not have the same names and shapes
    ├── ClientError        a client cannot go on (a loss that is not finite, a state that is not there)
    ├── MissingReplyError  a client did not answer, or not as asked
    ├── GoneError          a process or a machine on the other side is gone; it may come back
    ├── RunFolderError     a run folder cannot be read or written, or holds something else
    └── ModelFolderError   a shared model cannot be read, is another version's, or is not where it should be

Every message is one line that says what was expected, what was found, in which file, field or client, and the
mend. The command prints that line and nothing else.
"""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 3000
"""Letters of a message, however long what it quotes is."""


def printable(text: str) -> str:
    r"""Return a text without control codes, which a terminal would obey; a space for each that parts words.

    >>> printable("a\x1b[2J\tb")
    'a[2J b'
    """
    return "".join(each if each.isprintable() else " " * each.isspace() for each in text)


def one_line(text: str, most: int = 1000) -> str:
    r"""Return a text of somebody else's as it may stand on a screen and in a journal: one line, and no control codes.

    >>> one_line("gone\x1b[2J\nsince noon")
    'gone[2J since noon'
    """
    line = printable(text.strip())
    return line if len(line) <= most else line[: most - 1] + "…"


class FedhcaError(Exception):
    """Root of all errors that this package raises on purpose; what they quote of a file or a message is cleaned."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message, LONGEST))


class RecipeError(FedhcaError, ValueError):
    """A recipe, an option or an argument is wrong."""


class DataError(FedhcaError, ValueError):
    """A file of a data set is missing, broken or does not fit the others."""


class LayoutError(FedhcaError, ValueError):
    """Parameters of two participants do not have the same names and shapes."""


class ClientError(FedhcaError, RuntimeError):
    """A client cannot go on; the message bears its name and the round."""


class MissingReplyError(FedhcaError, RuntimeError):
    """A client did not answer, or not as asked."""


class GoneError(FedhcaError, ConnectionError):
    """A process or a machine on the other side is gone; when it comes back, a run goes on from its checkpoint."""


class RunFolderError(FedhcaError, OSError):
    """A run folder cannot be read or written, or holds something else."""


class ModelFolderError(FedhcaError, OSError):
    """A shared model cannot be read, is another version's, or is not where it should be."""


def unknown(kind: str, found: object, known: Iterable[str]) -> str:
    """Return the line for a name that does not exist, with the nearest one that does.

    >>> unknown("method", "fedavgg", ["fedavg", "local"])
    "Unknown method 'fedavgg': did you mean 'fedavg'? Known: fedavg, local."
    """
    names = sorted(known)
    near = get_close_matches(str(found), names, n=1)
    hint = f" did you mean '{near[0]}'?" if near else ""
    return f"Unknown {kind} '{found}':{hint} Known: {', '.join(names)}."
