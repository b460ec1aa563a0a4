"""What a command prints: tables and lines on standard output, one line on standard error for what is wrong."""

import sys

from rich.console import Console
from rich.table import Table

screen = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def tell(line: str) -> None:
    """Print a line as it is."""
    screen.print(line, highlight=False, markup=False)


def say(text: str) -> None:
    """Print one line on standard error, however many the text has."""
    if text:
        sys.stderr.write(f"fedhca: {' '.join(text.split())}\n")


def print_table(head: list[str], rows: list[list[str]], caption: str) -> None:
    """Print rows below a head, and how to read them."""
    table = Table(*head, caption=caption or None, caption_justify="left")
    for row in rows:
        table.add_row(*row)
    screen.print(table)
