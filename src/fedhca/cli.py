"""The command `fedhca`: every error is one line on standard error and an exit code other than 0."""

import shlex
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table as RichTable

from fedhca.errors import FedhcaError, RecipeError

if TYPE_CHECKING:
    from fedhca.experiment.run_folder import RunFolder

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
screen = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)
USAGE, INTERRUPTED = 2, 130
"""Exit codes: the command was used wrongly; it was stopped by Ctrl-C. 1 is everything else that goes wrong."""

RecipeName = Annotated[str, typer.Argument(help="A YAML file, or the name of an embedded recipe (see `fedhca ls`).")]
Folder = Annotated[Path, typer.Argument(help="The folder of a run.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: `--set rounds=20 training.batch_size=4`."),
]
MoreChanges = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As after --set.")]


def _known_trackers(text: str) -> str:
    if _names(text):
        from fedhca.trackers import require_known

        require_known(_names(text))
    return text


TRACKERS = "Trackers to feed, with commas between: tensorboard, wandb."
Trackers = Annotated[str, typer.Option("--track", metavar="NAMES", callback=_known_trackers, help=TRACKERS)]


def _version(asked: bool | None) -> None:
    if asked:
        screen.print(f"fedhca {version('fedhca')}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    asked: Annotated[
        bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = None,
) -> None:
    """Hetero-client federated multi-task learning: FedHCA² and its rivals."""


@app.command()
def run(
    recipe: RecipeName,
    more: MoreChanges = None,
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE/METHOD if not given.")] = None,
    track: Trackers = "",
) -> None:
    """Run one federation. Example: `fedhca run demo --set rounds=4 method=fedavg --out runs/try`."""
    from fedhca.experiment.recipes import load_recipe
    from fedhca.experiment.run_folder import RunFolder

    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    folder = RunFolder.create(out or Path("runs", Path(recipe).stem, plan.method.name), plan)
    _follow(folder, track)


@app.command()
def resume(folder: Folder, track: Trackers = "") -> None:
    """Go on with an interrupted run. Example: `fedhca resume runs/try`."""
    from fedhca.experiment.run_folder import RunFolder

    _follow(RunFolder.open(folder), track)


@app.command()
def compare(
    recipe: RecipeName,
    more: MoreChanges = None,
    methods: Annotated[str, typer.Option(help="Names with commas between.")] = "local,fedavg,fedhca2",
    seeds: Annotated[str, typer.Option(help="Numbers with commas between.")] = "0",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Where the runs go; runs/RECIPE if not given.")] = None,
    pictures: Annotated[int, typer.Option(help="Test pictures drawn for each client.", min=0)] = 1,
    jobs: Annotated[int, typer.Option(help="Runs at a time, each in a process of its own.", min=1)] = 1,
    track: Trackers = "",
) -> None:
    """Run a federation under several methods and seeds; print and write one table.

    Finished runs are reused. Example: `fedhca compare demo --methods local,fedhca2 --seeds 0,1,2`.
    """
    from fedhca.experiment.compare import entries
    from fedhca.experiment.recipes import load_recipe
    from fedhca.report.comparison import draw_comparison, write_table
    from fedhca.side_by_side import finish_side_by_side

    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    place = out or Path("runs", Path(recipe).stem)
    found = list(entries(plan, _names(methods), _numbers(seeds), place))
    for entry in found:
        if entry.folder.finished:
            screen.print(f"{entry.method} seed {entry.seed}: finished before, reused", highlight=False)
    left = [entry.folder for entry in found if not entry.folder.finished]
    if jobs == 1:
        for folder in left:
            _follow(folder, track)
    else:
        finish_side_by_side(left, jobs, track)
    table = write_table(found, place)
    _print_table(table.head, table.rows(), table.caption)
    screen.print(f"Written to {place}: table.md, table.csv; one run folder per method and seed.", highlight=False)
    if pictures:
        draw_comparison(found, place, pictures)
        screen.print(
            f"Drawn to {place}: predictions-CLIENT.png, the predictions of seed {found[0].seed}.", highlight=False
        )
    screen.print(f"For one page with all figures: fedhca report {shlex.quote(str(place))}", highlight=False)


@app.command()
def track(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    to: Annotated[str, typer.Option(metavar="NAMES", callback=_known_trackers, help=TRACKERS)] = "tensorboard",
) -> None:
    """Feed trackers with whole journals. Example: `fedhca track runs/try --to tensorboard`."""
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.trackers import feeding

    for run_folder in [RunFolder.open(folder) for folder in folders]:
        with feeding(run_folder, _names(to), tell=_fail) as catch_up:
            catch_up()
        screen.print(f"{run_folder.path}: {len(run_folder.journal)} rounds to {to}", highlight=False)


@app.command()
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
    screen.print(f"Written: {page}; every figure as PNG and SVG in {place / 'figures'}", highlight=False)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="See the list without a name; or a YAML file of yours.")] = "",
    more: MoreChanges = None,
    scale: Annotated[
        str,
        typer.Option(help="small: synthetic; small-real: photographs, on a CPU; full: the paper's."),
    ] = "small",
    seeds: Annotated[str, typer.Option(help="Numbers with commas between.")] = "0,1,2",
    methods: Annotated[str, typer.Option(help="Columns to run, with commas between; all if not given.")] = "",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Runs and pages; runs/experiments/SCALE if not given.")] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time, each in a process of its own.", min=1)] = 1,
    pictures: Annotated[int, typer.Option(help="Test pictures drawn for each client.", min=0)] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, and stop.")] = False,
    track: Trackers = "",
) -> None:
    """Run a table or figure of the paper, and draw it. Finished runs are reused, by other experiments, too.

    Example: `fedhca experiment table1 --scale small --seeds 0,1,2 --jobs 2`.
    """
    from fedhca.experiment.catalogue import catalogue
    from fedhca.experiment.plan import make_plan
    from fedhca.report.comparison import write_table
    from fedhca.report.page import write_report
    from fedhca.side_by_side import finish_side_by_side

    if not name:
        _print_table(["experiment", ""], [[key, text] for key, text in catalogue()["experiment"].items()], "")
        return
    place = out or Path("runs", "experiments", scale)
    settings = [*(changes or ()), *(more or ())]
    plan = make_plan(name, scale, _numbers(seeds), place, methods=_names(methods), changes=settings)
    left, began = plan.left, time.perf_counter()
    if dry_run:
        rows = [[e.setting, e.method, str(e.seed), str(e.folder.path), _state(e.folder)] for e in plan.entries]
        _print_table(["setting", "method", "seed", "folder", ""], rows, f"{len(left)} runs are not finished.")
        return
    screen.print(f"{plan.name}: {len(left)} runs to go, {len(plan.entries)} in all", highlight=False)

    def done(count: int) -> None:
        seconds = (time.perf_counter() - began) / count * (len(left) - count)
        screen.print(f"{plan.name}: {count} of {len(left)} runs done, left about {_clock(seconds)}", highlight=False)

    finish_side_by_side(left, jobs, track, done)
    table = write_table(plan.entries, place / plan.name, plan.experiment.reference)
    page = write_report(
        plan.entries,
        place / plan.name,
        title=plan.experiment.title,
        lead=plan.experiment.lead,
        shows=plan.experiment.shows or None,
        pictures=pictures,
        reference=plan.experiment.reference,
    )
    _print_table(table.head, table.rows(), table.caption)
    screen.print(f"{_clock(time.perf_counter() - began)} for {len(left)} runs. The page: {page}", highlight=False)


@app.command()
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
    _print_table(["client", "task", "value", "metric"], rows, f"After round {rounds} of {run_folder.recipe.rounds}.")


@app.command()
def predict(
    folder: Folder,
    images: Annotated[list[Path], typer.Argument(help="Pictures: PNG or JPEG.")],
    client: Annotated[str, typer.Option(help="Whose model.")],
    out: Annotated[Path | None, typer.Option(help="Where drawings go; DIR/predictions if not given.")] = None,
) -> None:
    """Draw what a client's model predicts. Example: `fedhca predict runs/try a.jpg b.jpg --client rooms-all-1`."""
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.report.predictions import draw_predictions

    written = draw_predictions(RunFolder.open(folder), client, images, out or folder / "predictions")
    for path in written:
        screen.print(f"Written: {path}", highlight=False)


@app.command()
def check(recipe: RecipeName, more: MoreChanges = None, changes: Changes = None) -> None:
    """Validate a recipe without training: files, tasks, shapes, bytes per round, memory needed."""
    from fedhca.experiment.check import check as inspect
    from fedhca.experiment.recipes import load_recipe

    found = inspect(load_recipe(recipe, [*(changes or ()), *(more or ())]))
    _print_table(["client", "data set", "tasks", "train", "test", "KB down", "KB up"], found.rows, found.summary)
    for problem in found.problems:
        _say(problem)
    if found.problems:
        raise typer.Exit(1)


@app.command()
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
    _print_table(["ODS", "at", "OIS", "AP"], [row], f"{scores.pictures} pictures, max_dist {max_dist:g}.")


@app.command()
def ls() -> None:
    """List methods, data sets, tasks and recipes, each with a line."""
    from fedhca.experiment.catalogue import catalogue

    for kind, lines in catalogue().items():
        _print_table([kind, ""], [[name, text] for name, text in lines.items()], "")


def main() -> None:
    """Run the command; whatever goes wrong becomes one line."""
    warnings.showwarning = lambda message, *_, **__: _say(f"note: {message}")
    try:
        code = app(standalone_mode=False)
    except FedhcaError as error:
        _say(str(error))
        sys.exit(1)
    except OSError as error:  # a folder that may not be entered, a disk that went away
        _say(f"{error.filename or 'A file'}: {error.strerror or error}. Give a place that can be read and written.")
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        describe = getattr(error, "format_message", None)  # typer's usage errors; their class has no public name
        if describe is None:
            raise
        _say(f"{describe()} See `{_path(error)} -h`." if describe() else "")
        sys.exit(USAGE)
    if code == INTERRUPTED:
        _say("stopped; `fedhca resume DIR` goes on from the newest checkpoint")
    sys.exit(code)


def _say(text: str) -> None:
    if text:
        sys.stderr.write(f"fedhca: {' '.join(text.split())}\n")


def _path(error: Exception) -> str:
    """Return the words of the command that was used wrongly."""
    return getattr(getattr(error, "ctx", None), "command_path", "fedhca")


def _follow(folder: "RunFolder", track: str) -> None:
    """Run to the end, showing progress and feeding trackers."""
    from fedhca.screen import follow
    from fedhca.trackers import feeding

    with feeding(folder, _names(track)) as catch_up:
        follow(folder, screen, after=catch_up)


def _state(folder: "RunFolder") -> str:
    return "finished" if folder.finished else f"{len(folder.journal)} of {folder.recipe.rounds} rounds"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _fail(text: str) -> NoReturn:
    raise FedhcaError(text)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    if not all(name.isdecimal() for name in _names(text)):
        raise RecipeError(f"--seeds should be whole numbers with commas between, such as 0,1,2. Found '{text}'.")
    return [int(name) for name in _names(text)]


def _print_table(head: list[str], rows: list[list[str]], caption: str) -> None:
    table = RichTable(*head, caption=caption or None, caption_justify="left")
    for row in rows:
        table.add_row(*row)
    screen.print(table)
