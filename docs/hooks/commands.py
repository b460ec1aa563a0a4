"""The reference of the command, written from the command itself, where a page says `<!-- commands -->`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from fedhca.cli.program import build

MARK = "<!-- commands -->"
SHORTER = {"INTEGER RANGE": "N", "INTEGER": "N", "FLOAT": "X"}
"""What stands for a number, as a reader would write it."""
ON_THE_PAGE = {"Everywhere"}
"""Options that every command takes: the page has said what they do."""


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Write all commands in the place of the mark."""
    if MARK not in markdown:
        return markdown
    command = typer.main.get_command(build())
    return markdown.replace(MARK, "\n".join(_group(command, "fedhca", None)))


def _group(command: Any, name: str, above: typer.Context | None) -> Iterator[str]:
    context = typer.Context(command, info_name=name, parent=above)
    if above is not None:
        yield from _page(command, context)
    for each, inner in getattr(command, "commands", {}).items():
        yield from _group(inner, each, context)


def _page(command: Any, context: typer.Context) -> Iterator[str]:
    """One command: its words, how it is called, and what it takes."""
    path = context.command_path
    yield f"{'#' * (path.count(' ') + 2)} {path} {{ #{path.replace(' ', '-')} }}\n"
    yield f"{_plain(command.help)}\n"
    if getattr(command, "commands", None):
        return
    yield f"```\n{path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    for parameter in command.params:
        if getattr(parameter, "rich_help_panel", None) not in ON_THE_PAGE and not getattr(parameter, "hidden", False):
            yield from _parameter(parameter, context)
    if examples := re.findall(r"^\$ (.*)$", _plain(command.epilog).replace("\\[", "["), flags=re.MULTILINE):
        yield "For example:\n\n```\n" + "\n".join(examples) + "\n```\n"


def _parameter(parameter: Any, context: typer.Context) -> Iterator[str]:
    """One thing that a command takes: its name, and what it is below it."""
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    shown = SHORTER.get(parameter.make_metavar(context), parameter.make_metavar(context))
    if parameter.param_type_name == "argument":
        names = shown.strip("[]").replace("]...", " …").replace("...", " …")
    elif not parameter.is_flag:
        names += f" {shown}"
    words = [_plain(getattr(parameter, "help", None)), _default(parameter, context)]
    yield f"`{names}`\n:   {' '.join(filter(None, words)) or '&nbsp;'}\n"


def _default(parameter: Any, context: typer.Context) -> str:
    default = parameter.get_default(context, call=False)
    if parameter.required:
        return "Required."
    shown = isinstance(default, str | int | float | Path) and not isinstance(default, bool) and str(default)
    return f"Default: `{default}`." if shown else ""


def _plain(text: str | None) -> str:
    """Return words of a help as Markdown: paragraphs stay, marks of the terminal go."""
    return re.sub(r"[\b\f]", "", text or "").strip()
