"""Commands that write a first file, to be corrected by hand."""

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli.option_types import names
from fedhca.cli.output import tell
from fedhca.errors import RecipeError

if TYPE_CHECKING:
    from fedhca.data.described.dataset_description import DataSetDescription
    from fedhca.experiment.recipe_scaffold import ClientDraft

Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def new_dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of pictures and folders of labels.")],
    force: Force = False,
) -> None:
    """Write a first dataset.yaml for a folder, as it looks. Example: `fedhca new dataset photos`."""
    from fedhca.data.described.dataset_description import FILE, read_dataset_description
    from fedhca.data.described.dataset_scaffold import draft_description
    from fedhca.storage.atomic import write_atomically

    text = draft_description(folder)
    write_atomically(_free(folder / FILE, force), text.encode())
    read_dataset_description(folder)
    tell(text.rstrip())
    tell(f"Written: {folder / FILE}. Correct it. Next: fedhca data check {shlex.quote(str(folder))}")


def new_recipe(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where it goes.")] = Path("recipe.yaml"),
    data: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder with new_dataset.yaml; once for each data set.")
    ] = None,
    clients: Annotated[
        str,
        typer.Option(
            metavar="NAME=DATASET:TASK+TASK,…",
            help="With commas between; TASK*2 makes two of a kind. One for each data set, with all its tasks, if none.",
        ),
    ] = "",
    method: Annotated[str, typer.Option(help="How the server mixes; `fedhca ls` lists all.")] = "",
    rounds: Annotated[int, typer.Option(help="Rounds of the federation; 20 if not given.", min=0)] = 0,
    model: Annotated[str, typer.Option(help="tiny: from scratch, for a CPU; swin-t: for a GPU.")] = "",
    force: Force = False,
) -> None:
    """Write a commented recipe for folders of your own; asks for what is not given, if somebody is there to answer.

    Example: `fedhca new recipe mine.yaml --data photos --clients uni=photos:depth+edge,lab=photos:semseg`.
    """
    from fedhca.config.yaml import parse_yaml
    from fedhca.data.described.dataset_description import read_dataset_description
    from fedhca.experiment.build import build_method, build_tasks
    from fedhca.experiment.recipe_scaffold import client_draft, draft_recipe
    from fedhca.experiment.recipes import described, validate
    from fedhca.storage.atomic import write_atomically

    _free(file, force)
    asks = sys.stdin.isatty()
    folders = _folders(data or _asked_folders(asks))
    known = {name: read_dataset_description(root) for name, root in folders.items()}
    seats = [client_draft(word) for word in names(clients)] or (_asked_seats(known) if asks else _all(known))
    chosen = method or (typer.prompt("Method", default="fedhca2") if asks else "fedhca2")
    count = rounds or (typer.prompt("Rounds", default=20, type=int) if asks else 20)
    size = model or (typer.prompt("Model: tiny (CPU) or swin-t (GPU)", default="tiny") if asks else "tiny")
    text = draft_recipe(folders, seats, method=chosen, rounds=count, model=size)
    made = described(validate(parse_yaml(text), str(file)))
    build_method(made)
    for client in made.roster:
        build_tasks(made, client)
    write_atomically(file, text.encode())
    tell(f"Written: {file}")
    tell(f"Next: fedhca check {shlex.quote(str(file))}")
    tell(f"Then: fedhca run {shlex.quote(str(file))}")


def _free(file: Path, force: bool) -> Path:
    if file.exists() and not force:
        raise RecipeError(f"'{file}' should not be there yet. Found it. Choose another name, or use --force.")
    return file


def _folders(roots: list[Path]) -> dict[str, Path]:
    """Return data sets by the names of their folders."""
    found: dict[str, Path] = {}
    for root in roots:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.absolute().name).strip("-._") or "data"
        if name in found:
            raise RecipeError(f"Folders should have different names. Found '{name}' twice. Rename one.")
        found[name] = root
    return found


def _asked_folders(asks: bool) -> list[Path]:
    if not asks:
        raise RecipeError("--data should name a folder with dataset.yaml, once for each data set. Found none.")
    return [Path(name) for name in names(typer.prompt("Folders with dataset.yaml, with commas between"))]


def _asked_seats(known: "dict[str, DataSetDescription]") -> "list[ClientDraft]":
    """Ask for the clients of each data set."""
    from fedhca.experiment.recipe_scaffold import ClientDraft

    seats = []
    for name, description in known.items():
        tell(f"{name} has labels for {', '.join(description.tasks)}.")
        tell("A client's tasks go in one word, tasks of one client with + between: all of them, or depth+edge,semseg")
        every = "+".join(description.tasks)
        words = names(typer.prompt(f"Clients on {name}, with commas between", default=every))
        for word in words:
            tasks = every if word == "all" else word
            usual = f"{name}-{tasks.replace('+', '-')}" if len(words) > 1 else name
            called = typer.prompt(f"Name of the client with {tasks}", default=usual)
            seats.append(ClientDraft(called, name, tasks.split("+")))
    return seats


def _all(known: "dict[str, DataSetDescription]") -> "list[ClientDraft]":
    """Return one client for each data set, with all its tasks."""
    from fedhca.experiment.recipe_scaffold import ClientDraft

    return [ClientDraft(name, name, [*description.tasks]) for name, description in known.items()]
