"""The words that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.output import answer_a_machine
from fedhca.errors import RecipeError


def names(text: str) -> list[str]:
    """Take names with commas between apart."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> list[int]:
    """Take whole numbers with commas between apart; RecipeError if they are none."""
    if not all(name.isdecimal() for name in names(text)):
        raise RecipeError(f"--seeds should be whole numbers with commas between, such as 0,1,2. Found '{text}'.")
    return [int(name) for name in names(text)]


def known_trackers(text: str) -> str:
    """Return the text if all names in it are trackers; RecipeError if not."""
    if names(text):
        from fedhca.trackers import require_known

        require_known(names(text))
    return text


def _as_json(asked: bool) -> bool:
    if asked:
        answer_a_machine()
    return asked


JSON = "Print one JSON document on standard output, and all else on standard error."
AsJson = Annotated[bool, typer.Option("--json", callback=_as_json, show_default=False, help=JSON)]
RECIPE = "A YAML file, or the name of an embedded recipe (see `fedhca ls`)."
RecipeName = Annotated[str, typer.Argument(help=RECIPE, autocompletion=completion.recipes)]
METHODS = "Names with commas between, each with its options: fedprox+mu=0.1."
Methods = Annotated[str, typer.Option(help=METHODS, autocompletion=completion.methods)]
Folder = Annotated[Path, typer.Argument(help="The folder of a run.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: `--set rounds=20 training.batch_size=4`."),
]
MoreChanges = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As after --set.")]
Seeds = Annotated[str, typer.Option(help="Numbers with commas between.")]
Jobs = Annotated[int, typer.Option(help="Runs at a time, each in a process of its own.", min=1)]
AT_ONCE = "Clients that train at once, each in a process of its own, over all cores and GPUs (extra `flower`)."
AtOnce = Annotated[int, typer.Option("--at-once", help=AT_ONCE, min=1)]
Pictures = Annotated[int, typer.Option(help="Test pictures drawn for each client.", min=0)]
TRACKERS = "Trackers to feed, with commas between: tensorboard, wandb."
Trackers = Annotated[
    str,
    typer.Option(
        "--track", metavar="NAMES", callback=known_trackers, help=TRACKERS, autocompletion=completion.trackers
    ),
]
