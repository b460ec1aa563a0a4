"""Commands that train: one run, a run that was interrupted, a comparison."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli.exit_codes import goes_on_with
from fedhca.cli.option_types import (
    AsJson,
    AtOnce,
    Changes,
    Folder,
    Jobs,
    Methods,
    MoreChanges,
    Pictures,
    RecipeName,
    Seeds,
    Trackers,
    names,
    numbers,
)
from fedhca.cli.output import is_quiet, is_verbose, print_json, screen, show_table, tell
from fedhca.cli.pace import Pace
from fedhca.cli.summary import files, run_document, show_places, show_summary

if TYPE_CHECKING:
    from fedhca.experiment.run_folder import RunFolder


def run_command(
    recipe: RecipeName,
    more: MoreChanges = None,
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="The run_command folder; runs/RECIPE/METHOD if not given.")] = None,
    at_once: AtOnce = 1,
    track: Trackers = "",
    as_json: AsJson = False,
) -> None:
    """Run one federation; the same command goes on where it stopped.

    Example: `fedhca run demo`. Example: `fedhca run demo --set rounds=4 method=fedavg --out runs/try`.
    Example: `fedhca run demo rounds=2 --json`.
    """
    from fedhca.experiment.recipes import load_recipe
    from fedhca.experiment.run_folder import RunFolder

    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    folder = RunFolder.create(out or Path("runs", Path(recipe).stem, plan.method.name), plan)
    _finish(folder, track, at_once, as_json=as_json)


def resume(
    folder: Folder,
    at_once: AtOnce = 1,
    track: Trackers = "",
    as_json: AsJson = False,
    as_job: Annotated[bool, typer.Option("--as-job", hidden=True)] = False,
) -> None:
    """Go on with an interrupted run. Example: `fedhca resume runs/try`."""
    from fedhca.experiment.run_folder import RunFolder

    opened = RunFolder.open(folder)
    if as_job:  # one of several, whose command has a summary of its own
        follow_with_trackers(opened, track, at_once)
    else:
        _finish(opened, track, at_once, as_json=as_json)


def compare(
    recipe: RecipeName,
    more: MoreChanges = None,
    methods: Methods = "local,fedavg,fedhca2",
    seeds: Seeds = "0",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Where the runs go; runs/RECIPE if not given.")] = None,
    pictures: Pictures = 1,
    jobs: Jobs = 1,
    track: Trackers = "",
    as_json: AsJson = False,
) -> None:
    """Run a federation under several methods and seeds; print and write one table. Finished runs are reused.

    Example: `fedhca compare demo --methods local,fedhca2 --seeds 0,1,2`.
    Example: `fedhca compare demo --methods local,fedprox+mu=0.1,fedhca2 rounds=4 --jobs 2`.
    """
    from fedhca.experiment.compare import entries
    from fedhca.experiment.recipes import load_recipe
    from fedhca.report.comparison import draw_comparison, write_table

    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    place = out or Path("runs", Path(recipe).stem)
    found = list(entries(plan, names(methods), numbers(seeds), place))
    for entry in found:
        if entry.folder.finished:
            tell(f"{entry.method} seed {entry.seed}: finished before, reused")
    with goes_on_with():
        finish_all([entry.folder for entry in found if not entry.folder.finished], jobs, track, "compare")
        table = write_table(found, place)
        if pictures:
            draw_comparison(found, place, pictures)
    if as_json:
        written = files({"markdown": place / "table.md", "csv": place / "table.csv"})
        runs = [run_document(entry.folder) for entry in found]
        print_json({"folder": place, "files": written, "values": table.records(), "runs": runs})
    show_table(table.head, table.rows(), table.caption)
    lie = {"runs": f"{place}/METHOD/seed-N", "table": f"{place}/table.md, table.csv"}
    if pictures:
        lie["drawings"] = f"{place}/predictions-CLIENT.png, of seed {found[0].seed}"
    show_places({**lie, "a page": f"fedhca report {shlex.quote(str(place))}"})


def finish_all(left: Sequence["RunFolder"], jobs: int, track: str, title: str, *, apart: bool = False) -> None:
    """Bring runs to their end, telling after each how many are left.

    One at a time they are made in this process, with a bar of progress, unless they are to be kept apart.
    """
    from fedhca.cli.side_by_side import finish_side_by_side

    pace = Pace(len(left))
    pace.begin(0)

    def done(count: int) -> None:
        tell(f"{title}: {count} of {len(left)} runs done, left {pace.left(count)}")

    if jobs == 1 and not apart:
        for count, folder in enumerate(left, 1):
            follow_with_trackers(folder, track)
            done(count)
    else:
        loud = ["--quiet"] if is_quiet() else ["--verbose"] if is_verbose() else []
        finish_side_by_side(left, jobs, track, done, tell, loud)


def follow_with_trackers(folder: "RunFolder", track: str, at_once: int = 1) -> None:
    """Run to the end, showing progress and feeding trackers."""
    from fedhca.cli.progress import Progress
    from fedhca.cli.screen import follow
    from fedhca.engines.engine import require_engine
    from fedhca.trackers import feeding

    with feeding(folder, names(track)) as catch_up:
        if at_once == 1:
            follow(folder, screen, after=catch_up, detail=is_verbose())
            return
        require_engine("flower")
        from fedhca.engines.flower.simulation import simulate

        title = f"{folder.recipe.method.label} seed {folder.recipe.seed}"
        progress = Progress(screen, folder.path, title, folder.recipe.rounds, metrics=is_verbose())
        for _ in simulate(folder, at_once):
            progress.look()
            catch_up()
        progress.look()
        catch_up()
        tell(f"{title}: {folder.recipe.rounds} rounds done; everything is in {folder.path}")


def _finish(folder: "RunFolder", track: str, at_once: int, *, as_json: bool) -> None:
    with goes_on_with("resume", folder.path, *(["--at-once", at_once] if at_once > 1 else [])):
        follow_with_trackers(folder, track, at_once)
    if as_json:
        print_json(run_document(folder))
    show_summary(folder)
