"""What a command prints: answers, what it says on the way, and one line on standard error for what is wrong.

An answer is what was asked for: a table, or with --json one JSON document. It goes to standard output. What is said
on the way (progress, where things lie, what to do next) goes there, too, but to standard error where a machine reads
the answer, and nowhere with --quiet. So a command has four verbs: `print_table` and `print_json` for answers, `tell`
and `show_table` on the way. Errors are raised.
"""

import json
import logging
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fedhca.errors import LONGEST, one_line, printable

WIDE = 160
"""Letters of a line where there is no terminal."""
SAID = logging.getLogger("fedhca")
"""What the package says of itself with --verbose."""


class _Clean(Console):
    """Prints no control code that is in a text: names in files may be of strangers."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)


screen, answers = (_Clean(soft_wrap=True, markup=False, width=None if sys.stdout.isatty() else WIDE) for _ in range(2))


class _OnStandardError(logging.Handler):
    """Writes one line for each thing logged, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"fedhca: {record.name.removeprefix('fedhca.')}: {one_line(record.getMessage(), LONGEST)}\n")


def reset_output() -> None:
    """Take back what options said to an earlier command of this process."""
    screen.quiet = screen.stderr = False
    for handler in [each for each in SAID.handlers if isinstance(each, _OnStandardError)]:
        SAID.removeHandler(handler)
    SAID.setLevel(logging.NOTSET)


def be_quiet() -> None:
    """Say nothing on the way."""
    screen.quiet = True


def be_verbose() -> None:
    """Have the package say what it does, where its files lie, and how long that took."""
    if not any(isinstance(each, _OnStandardError) for each in SAID.handlers):
        SAID.addHandler(_OnStandardError())
        SAID.setLevel(logging.DEBUG)


def is_quiet() -> bool:
    """Tell whether nothing is said on the way."""
    return screen.quiet


def is_verbose() -> bool:
    """Tell whether the package says what it does."""
    return any(isinstance(each, _OnStandardError) for each in SAID.handlers)


def answer_a_machine() -> None:
    """Keep standard output for one JSON document."""
    screen.stderr = True


def tell(line: str) -> None:
    """Print a line as it is, on the way."""
    screen.print(line, highlight=False)


def note(text: str) -> None:
    """Print one line on standard error that is no error; not with --quiet."""
    if not screen.quiet:
        say(f"note: {text}")


def say(text: str) -> None:
    """Print one line on standard error, however many the text has."""
    if text:
        sys.stderr.write(f"fedhca: {printable(' '.join(text.split()))}\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
    """Print an answer: rows below a head, and how to read them."""
    answers.print(_table(head, rows, caption))


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
    """Print a table on the way, or at the end of a command that was asked for something else."""
    screen.print(_table(head, rows, caption))


def print_json(document: Any) -> None:
    """Print an answer as one JSON document; what is no number is null, a path is text."""
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    sys.stdout.write("".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Table:
    table = Table(*head, caption=caption or None, caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
