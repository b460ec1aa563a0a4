"""Commands that train: one run, a run that was interrupted, a comparison."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli.output import print_table, screen, tell
from fedhca.cli.words import (
    AtOnce,
    Changes,
    Folder,
    Jobs,
    MoreChanges,
    Pictures,
    RecipeName,
    Seeds,
    Trackers,
    names,
    numbers,
)

if TYPE_CHECKING:
    from fedhca.experiment.run_folder import RunFolder


def run(
    recipe: RecipeName,
    more: MoreChanges = None,
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE/METHOD if not given.")] = None,
    at_once: AtOnce = 1,
    track: Trackers = "",
) -> None:
    """Run one federation. Example: `fedhca run demo --set rounds=4 method=fedavg --out runs/try`."""
    from fedhca.experiment.recipes import load_recipe
    from fedhca.experiment.run_folder import RunFolder

    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    folder = RunFolder.create(out or Path("runs", Path(recipe).stem, plan.method.name), plan)
    follow_with_trackers(folder, track, at_once)


def resume(folder: Folder, at_once: AtOnce = 1, track: Trackers = "") -> None:
    """Go on with an interrupted run. Example: `fedhca resume runs/try`."""
    from fedhca.experiment.run_folder import RunFolder

    follow_with_trackers(RunFolder.open(folder), track, at_once)


def compare(
    recipe: RecipeName,
    more: MoreChanges = None,
    methods: Annotated[str, typer.Option(help="Names with commas between.")] = "local,fedavg,fedhca2",
    seeds: Seeds = "0",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Where the runs go; runs/RECIPE if not given.")] = None,
    pictures: Pictures = 1,
    jobs: Jobs = 1,
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
    found = list(entries(plan, names(methods), numbers(seeds), place))
    for entry in found:
        if entry.folder.finished:
            tell(f"{entry.method} seed {entry.seed}: finished before, reused")
    left = [entry.folder for entry in found if not entry.folder.finished]
    if jobs == 1:
        for folder in left:
            follow_with_trackers(folder, track)
    else:
        finish_side_by_side(left, jobs, track)
    table = write_table(found, place)
    print_table(table.head, table.rows(), table.caption)
    tell(f"Written to {place}: table.md, table.csv; one run folder per method and seed.")
    if pictures:
        draw_comparison(found, place, pictures)
        tell(f"Drawn to {place}: predictions-CLIENT.png, the predictions of seed {found[0].seed}.")
    tell(f"For one page with all figures: fedhca report {shlex.quote(str(place))}")


def follow_with_trackers(folder: "RunFolder", track: str, at_once: int = 1) -> None:
    """Run to the end, showing progress and feeding trackers."""
    from fedhca.engines.engine import require
    from fedhca.progress import Progress
    from fedhca.screen import follow
    from fedhca.trackers import feeding

    with feeding(folder, names(track)) as catch_up:
        if at_once == 1:
            follow(folder, screen, after=catch_up)
            return
        require("flower")
        from fedhca.engines.flower.simulation import simulate

        title = f"{folder.recipe.method.label} seed {folder.recipe.seed}"
        progress = Progress(screen, folder.path, title, folder.recipe.rounds)
        for _ in simulate(folder, at_once):
            progress.look()
            catch_up()
        progress.look()
        catch_up()
        tell(f"{title}: {folder.recipe.rounds} rounds done; everything is in {folder.path}.")
