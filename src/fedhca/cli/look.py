"""Commands that look at runs, recipes and edge maps, and train nothing."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from fedhca.cli.output import print_table, say, tell
from fedhca.cli.words import TRACKERS, Changes, Folder, MoreChanges, RecipeName, known_trackers, names
from fedhca.errors import FedhcaError


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Run folders, or folders with runs below.")],
    out: Annotated[Path | None, typer.Option(help="Where the page goes; DIR/report if not given.")] = None,
    title: Annotated[str, typer.Option(help="Of the page; the folder's name if not given.")] = "",
    pictures: Annotated[int, typer.Option(help="Test pictures for each kind of client.", min=0)] = 1,
) -> None:
    """Write one page about runs, with all figures; it needs no network. Example: `fedhca report runs/demo`."""
    from fedhca.report.found import found_runs
    from fedhca.report.page import write_report

    place = out or folders[0] / "report"
    page = write_report(found_runs(folders), place, title=title or folders[0].absolute().name, pictures=pictures)
    tell(f"Written: {page}; every figure as PNG and SVG in {place / 'figures'}")


def evaluate(folder: Folder) -> None:
    """Measure the newest checkpoint of a run. Example: `fedhca evaluate runs/try`."""
    from fedhca.experiment.run_folder import RunFolder

    run_folder = RunFolder.open(folder)
    rounds, metrics = run_folder.evaluate()
    tasks = run_folder.tasks()
    rows = [
        [client, name, f"{value:.4f}", f"{tasks[client][name].metric} {tasks[client][name].unit}"]
        for client, values in metrics.items()
        for name, value in values.items()
    ]
    print_table(["client", "task", "value", "metric"], rows, f"After round {rounds} of {run_folder.recipe.rounds}.")


def track(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    to: Annotated[str, typer.Option(metavar="NAMES", callback=known_trackers, help=TRACKERS)] = "tensorboard",
) -> None:
    """Feed trackers with whole journals. Example: `fedhca track runs/try --to tensorboard`."""
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.trackers import feeding

    for run_folder in [RunFolder.open(folder) for folder in folders]:
        with feeding(run_folder, names(to), tell=_fail) as catch_up:
            catch_up()
        tell(f"{run_folder.path}: {len(run_folder.journal)} rounds to {to}")


def check(recipe: RecipeName, more: MoreChanges = None, changes: Changes = None) -> None:
    """Validate a recipe without training: files, tasks, shapes, bytes per round, memory needed."""
    from fedhca.experiment.check import check as inspect
    from fedhca.experiment.recipes import load_recipe

    found = inspect(load_recipe(recipe, [*(changes or ()), *(more or ())]))
    print_table(["client", "data set", "tasks", "train", "test", "KB down", "KB up"], found.rows, found.summary)
    if found.privacy:
        tell(found.privacy)
    for problem in found.problems:
        say(problem)
    if found.problems:
        raise typer.Exit(1)


def edges(
    predictions: Annotated[Path, typer.Argument(help="A folder of edge maps: NAME.png, 8 bits, 255 · probability.")],
    truths: Annotated[
        Path,
        typer.Argument(help="A folder of boundaries, not 0: NAME.png, or NAME-1.png, NAME-2.png … of several people."),
    ],
    max_dist: Annotated[float, typer.Option(help="Greatest distance of a pair, as a share of the diagonal.")] = 0.0075,
    suppress: Annotated[bool, typer.Option(help="Do non-maximum suppression first.")] = True,
    jobs: Annotated[int | None, typer.Option(help="Pictures at a time; one for each processor if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with recall and precision as well.")] = False,
) -> None:
    """Score edge maps as the BSDS benchmark does, exactly: ODS (odsF), OIS, AP.

    Example: `fedhca edges predictions truths --max-dist 0.011`.
    """
    from fedhca.edge_detection.folders import benchmark_folders

    scores = benchmark_folders(predictions, truths, max_dist=max_dist, suppress=suppress, jobs=jobs)
    if as_json:
        sys.stdout.write(scores.as_json() + "\n")
        return
    row = [f"{scores.ods:.4f}", f"{scores.ods_threshold:.2f}", f"{scores.ois:.4f}", f"{scores.ap:.4f}"]
    print_table(["ODS", "at", "OIS", "AP"], [row], f"{scores.pictures} pictures, max_dist {max_dist:g}.")


def ls() -> None:
    """List methods, data sets, tasks and recipes, each with a line."""
    from fedhca.experiment.catalogue import catalogue

    for kind, lines in catalogue().items():
        print_table([kind, ""], [[name, text] for name, text in lines.items()], "")


def _fail(text: str) -> NoReturn:
    raise FedhcaError(text)
