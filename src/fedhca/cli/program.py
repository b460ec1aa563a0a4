"""All commands, in the order of the help, and what becomes of errors."""

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from fedhca.cli import data, new, server, site
from fedhca.cli.experiment import experiment
from fedhca.cli.look import check, edges, evaluate, ls, report, track
from fedhca.cli.output import say, tell
from fedhca.cli.runs import compare, resume, run
from fedhca.cli.share import predict
from fedhca.errors import FedhcaError

COMMANDS: tuple[Callable[..., None], ...] = (
    run,
    resume,
    compare,
    experiment,
    report,
    evaluate,
    predict,
    track,
    check,
    edges,
    ls,
)
GROUPS: dict[str, tuple[str, tuple[Callable[..., None], ...]]] = {
    "new": ("Write a first recipe or dataset.yaml.", (new.recipe, new.dataset)),
    "data": ("Look at data sets.", (data.check,)),
    "server": (
        "Run the server of a federation between sites.",
        (server.init, server.start, server.run, server.resume, server.renew),
    ),
    "site": ("Take part in a federation between sites.", (site.init, site.check, site.start, site.predict, site.renew)),
}
USAGE, INTERRUPTED = 2, 130
"""Exit codes: the command was used wrongly; it was stopped by Ctrl-C. 1 is everything else that goes wrong."""


def _version(asked: bool | None) -> None:
    if asked:
        tell(f"fedhca {version('fedhca')}")
        raise typer.Exit


def options(
    asked: Annotated[
        bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = None,
) -> None:
    """Hetero-client federated multi-task learning: FedHCA² and its rivals."""


def build() -> typer.Typer:
    """Return the command with all its commands."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    for command in COMMANDS:
        app.command()(command)
    for name, (words, commands) in GROUPS.items():
        group = typer.Typer(no_args_is_help=True, help=words)
        for command in commands:
            group.command()(command)
        app.add_typer(group, name=name)
    return app


def main() -> None:
    """Run the command; whatever goes wrong becomes one line."""
    warnings.showwarning = lambda message, *_, **__: say(f"note: {message}")
    try:
        code = build()(prog_name="fedhca", standalone_mode=False)
    except FedhcaError as error:
        say(str(error))
        sys.exit(1)
    except OSError as error:  # a folder that may not be entered, a disk that went away
        say(f"{error.filename or 'A file'}: {error.strerror or error}. Give a place that can be read and written.")
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        describe = getattr(error, "format_message", None)  # typer's usage errors; their class has no public name
        if describe is None:
            raise
        say(f"{describe()} See `{_path(error)} -h`." if describe() else "")
        sys.exit(USAGE)
    if code == INTERRUPTED:
        say("stopped; `fedhca resume DIR` goes on from the newest checkpoint")
    sys.exit(code)


def _path(error: Exception) -> str:
    """Return the words of the command that was used wrongly."""
    return getattr(getattr(error, "ctx", None), "command_path", "fedhca")
