"""All commands, in the order of the help."""

import re
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.markup import escape

from fedhca.cli import data_commands, exit_codes, new, output, server_commands, site_commands
from fedhca.cli.experiment import experiment
from fedhca.cli.global_options import with_options
from fedhca.cli.look_commands import check, edges, evaluate, ls, report, track
from fedhca.cli.run_commands import compare, resume, run_command
from fedhca.cli.share_commands import export, predict
from fedhca.cli.versions import show_versions
from fedhca.processes.signals import asked

COMMANDS: tuple[Callable[..., None], ...] = (
    *(run_command, resume, compare, experiment, report, evaluate),
    *(predict, export, track, check, edges, ls),
)
GROUPS: dict[str, tuple[str, tuple[Callable[..., None], ...]]] = {
    "new": ("Write a first recipe or dataset.yaml.", (new.new_recipe, new.new_dataset)),
    "data": ("Look at data sets.", (data_commands.data_check,)),
    "server": (
        "Run the server of a federation between sites.",
        (
            server_commands.server_init,
            server_commands.server_start,
            server_commands.server_run,
            server_commands.server_resume,
            server_commands.server_renew,
        ),
    ),
    "site": (
        "Take part in a federation between sites.",
        (
            site_commands.site_init,
            site_commands.site_check,
            site_commands.site_start,
            site_commands.site_predict,
            site_commands.site_export,
            site_commands.site_renew,
        ),
    ),
}
EXAMPLE = re.compile(r"\s*Example: `(fedhca\s[^`]+)`\.?")
"""In the docstring of a command; at the end of its help each stands on a line of its own."""


def _version(wanted: bool | None) -> None:
    if wanted:
        show_versions(every=not {"-v", "--verbose"}.isdisjoint(sys.argv))
        raise typer.Exit


def options(
    wanted: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version; with --verbose, all."),
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
    codes = [f"{code}: {words}" for code, words in exit_codes.CODES.items()]
    app.callback(epilog="\n\n".join(["Exit codes", *codes]))(with_options(options))
    for command in COMMANDS:
        _add(app, command)
    for name, (words, commands) in GROUPS.items():
        group = typer.Typer(no_args_is_help=True, help=words)
        for command in commands:
            _add(group, command, name)
        app.add_typer(group, name=name)
    return app


def examples(command: Callable[..., None]) -> list[str]:
    """Return the examples in a command's docstring."""
    return [" ".join(words.split()) for words in EXAMPLE.findall(command.__doc__ or "")]


def called(command: Callable[..., None], group: str = "") -> str:
    """Return what a command is called within its group: its function's name less what tells it from others."""
    return command.__name__.removeprefix(f"{group}_").removesuffix("_command")


def _add(app: typer.Typer, command: Callable[..., None], group: str = "") -> None:
    shown = "\n\n".join(["Examples", *(escape(f"$ {words}") for words in examples(command))])
    text = EXAMPLE.sub("", command.__doc__ or "")
    app.command(called(command, group), help=text, epilog=shown if examples(command) else None)(with_options(command))


def finish() -> int:
    """Run the command to its end and return its exit code; whatever goes wrong becomes one line."""
    output.reset_output()
    exit_codes.watch_signals()
    sys.unraisablehook = lambda _: None  # such as what torch raises while it tidies up after a process that was killed
    warnings.showwarning = lambda message, *_, **__: output.note(str(message))
    try:
        code: Any = build()(prog_name="fedhca", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return exit_codes.stopped()
    except Exception as error:
        return exit_codes.wrong(error)
    if code == exit_codes.STOPPED or asked():
        return exit_codes.stopped()
    return int(code or 0)
