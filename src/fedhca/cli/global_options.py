"""Options that every command has, before its name and after it, without saying so itself."""

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from fedhca.cli.output import be_quiet, be_verbose, is_quiet, is_verbose

TRACEBACK = "FEDHCA_TRACEBACK"
"""A variable; not empty: errors come with the place in the source where they arose."""
PANEL = "Everywhere"


def _flag(*names: str, act: Callable[[], object], words: str) -> Any:
    def callback(asked: bool) -> bool:
        if asked:
            act()
        if is_quiet() and is_verbose():
            raise typer.BadParameter("not together with --verbose.", param_hint="--quiet")
        return asked

    option = typer.Option(*names, callback=callback, show_default=False, rich_help_panel=PANEL, help=words)
    return Annotated[bool, option]


def _show_traceback() -> None:
    os.environ[TRACEBACK] = "1"


WHERE = f"Print where in the source an error arose; so does {TRACEBACK}=1."
OPTIONS = {
    "quiet": _flag("--quiet", "-q", act=be_quiet, words="Say nothing but errors."),
    "verbose": _flag("--verbose", "-v", act=be_verbose, words="Say more: files, times, metrics of every round."),
    "traceback": _flag("--traceback", act=_show_traceback, words=WHERE),
}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes these options as well; their callbacks act, so it hears nothing of them."""

    @wraps(command)
    def wide(*, quiet: bool, verbose: bool, traceback: bool, **words: Any) -> None:
        del quiet, verbose, traceback
        command(**words)

    own = inspect.signature(command, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in OPTIONS.items()
    ]
    parameters = [*own.parameters.values(), *more]
    vars(wide)["__signature__"] = own.replace(parameters=parameters)
    wide.__annotations__ = {each.name: each.annotation for each in parameters}
    return wide
