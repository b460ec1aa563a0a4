"""Commands that look at runs, recipes and edge maps, and train nothing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from fedhca.cli import completion
from fedhca.cli.option_types import TRACKERS, AsJson, Changes, Folder, MoreChanges, RecipeName, known_trackers, names
from fedhca.cli.output import answers, print_json, print_table, say, tell
from fedhca.cli.summary import metrics_document
from fedhca.cli.versions import extras
from fedhca.errors import FedhcaError
from fedhca.storage.atomic import inside

if TYPE_CHECKING:
    from fedhca.experiment.check import Findings


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Run folders, or folders with runs below.")],
    out: Annotated[Path | None, typer.Option(help="Where the page goes; DIR/report if not given.")] = None,
    title: Annotated[str, typer.Option(help="Of the page; the folder's name if not given.")] = "",
    pictures: Annotated[int, typer.Option(help="Test pictures for each kind of client.", min=0)] = 1,
    as_json: AsJson = False,
) -> None:
    """Write one page about runs, with all figures; it needs no network.

    Example: `fedhca report runs/demo`. Example: `fedhca report runs/a runs/b --title "A and B" --out pages/ab`.
    """
    from fedhca.report.discovery import found_runs
    from fedhca.report.page import write_report

    place = out or inside(folders[0], "report", "figures").parent
    page = write_report(found_runs(folders), place, title=title or folders[0].absolute().name, pictures=pictures)
    if as_json:
        print_json({"page": page, "figures": sorted((place / "figures").glob("*"))})
    tell(f"Written: {page}; every figure as PNG and SVG in {place / 'figures'}")


def evaluate(folder: Folder, as_json: AsJson = False) -> None:
    """Measure the newest checkpoint of a run.

    Example: `fedhca evaluate runs/try`. Example: `fedhca evaluate runs/try --json`.
    """
    from fedhca.experiment.run_folder import RunFolder

    run_folder = RunFolder.open(folder)
    rounds, metrics = run_folder.evaluate()
    tasks = run_folder.tasks()
    if as_json:
        print_json({"folder": folder, "rounds": run_folder.recipe.rounds, **metrics_document(rounds, metrics, tasks)})
        return
    rows = [
        [client, name, f"{value:.4f}", f"{tasks[client][name].metric} {tasks[client][name].unit}"]
        for client, values in metrics.items()
        for name, value in values.items()
    ]
    print_table(["client", "task", "value", "metric"], rows, f"After round {rounds} of {run_folder.recipe.rounds}.")


def track(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    to: Annotated[
        str, typer.Option(metavar="NAMES", callback=known_trackers, help=TRACKERS, autocompletion=completion.trackers)
    ] = "tensorboard",
) -> None:
    """Feed trackers with whole journals. Example: `fedhca track runs/try --to tensorboard`."""
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.trackers import feeding

    for run_folder in [RunFolder.open(folder) for folder in folders]:
        with feeding(run_folder, names(to), tell=_fail) as catch_up:
            catch_up()
        tell(f"{run_folder.path}: {len(run_folder.journal)} rounds to {to}")


def check(recipe: RecipeName, more: MoreChanges = None, changes: Changes = None, as_json: AsJson = False) -> None:
    """Validate a recipe without training: files, tasks, shapes, bytes per round, memory needed.

    Example: `fedhca check demo`. Example: `fedhca check demo --set training.batch_size=4 --json`.
    """
    from fedhca.experiment.check import check_recipe as inspect
    from fedhca.experiment.recipes import load_recipe

    found = inspect(load_recipe(recipe, [*(changes or ()), *(more or ())]))
    if as_json:
        print_json(check_document(found))
    else:
        print_table(["client", "data set", "tasks", "train", "test", "kB down", "kB up"], found.rows, found.summary)
    for line in () if as_json else [*found.families, *filter(None, [found.privacy])]:
        answers.print(line, highlight=False)
    for problem in found.problems:
        say(problem)
    if found.problems:
        raise typer.Exit(1)


def check_document(found: "Findings") -> dict[str, Any]:
    """Return what a machine is told of a recipe."""
    fields = ("client", "dataset", "tasks", "train", "test", "kilobytes_down", "kilobytes_up")
    rows = [dict(zip(fields, row, strict=True)) for row in found.rows]
    clients = [
        {key: int(value) if value.isdecimal() and key not in fields[:3] else value for key, value in row.items()}
        for row in rows
    ]
    beside = {"families": [*found.families], "privacy": found.privacy, "problems": found.problems}
    return {"clients": clients, "summary": found.summary, **beside}


def edges(
    predictions: Annotated[Path, typer.Argument(help="A folder of edge maps: NAME.png, 8 bits, 255 · probability.")],
    truths: Annotated[
        Path,
        typer.Argument(help="A folder of boundaries, not 0: NAME.png, or NAME-1.png, NAME-2.png … of several people."),
    ],
    max_dist: Annotated[float, typer.Option(help="Greatest distance of a pair, as a share of the diagonal.")] = 0.0075,
    suppress: Annotated[bool, typer.Option(help="Do non-maximum suppression first.")] = True,
    jobs: Annotated[int | None, typer.Option(help="Pictures at a time; one for each processor if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score edge maps as the BSDS benchmark does, exactly: ODS (odsF), OIS, AP.

    Example: `fedhca edges predictions truths --max-dist 0.011`.
    """
    from fedhca.data.edge_folders import benchmark_folders

    scores = benchmark_folders(predictions, truths, max_dist=max_dist, suppress=suppress, jobs=jobs)
    if as_json:
        print_json(json.loads(scores.as_json()))  # with recall and precision as well
        return
    row = [f"{scores.ods:.4f}", f"{scores.ods_threshold:.2f}", f"{scores.ois:.4f}", f"{scores.ap:.4f}"]
    print_table(["ODS", "at", "OIS", "AP"], [row], f"{scores.pictures} pictures, max_dist {max_dist:g}.")


def ls(as_json: AsJson = False) -> None:
    """List methods, data sets, tasks, recipes, experiments and extras, each with a line.

    Example: `fedhca ls`. Example: `fedhca ls --json`.
    """
    from fedhca.experiment.registry import catalogue

    if as_json:
        there = {name: {"installed": found == "yes", "gives": gives} for name, found, gives in extras()}
        print_json({**catalogue(), "extra": there})
        return
    for kind, lines in catalogue().items():
        print_table([kind, ""], [[name, text] for name, text in lines.items()], "")
    print_table(["extra", "installed", ""], extras(), "To install one: pip install 'fedhca[NAME]'")


def _fail(text: str) -> NoReturn:
    raise FedhcaError(text)
