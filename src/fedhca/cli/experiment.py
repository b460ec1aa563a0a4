"""The command that runs a table or a figure."""

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli.output import print_table, tell
from fedhca.cli.words import Changes, Jobs, MoreChanges, Pictures, Seeds, Trackers, names, numbers

if TYPE_CHECKING:
    from fedhca.experiment.plan import Plan


def experiment(
    name: Annotated[str, typer.Argument(help="See the list without a name; or a YAML file of yours.")] = "",
    more: MoreChanges = None,
    scale: Annotated[
        str,
        typer.Option(help="small: synthetic; small-real: photographs, on a CPU; full: the paper's."),
    ] = "small",
    seeds: Seeds = "0,1,2",
    methods: Annotated[str, typer.Option(help="Columns to run, with commas between; all if not given.")] = "",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Runs and pages; runs/experiments/SCALE if not given.")] = None,
    jobs: Jobs = 1,
    pictures: Pictures = 1,
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
        print_table(["experiment", ""], [[key, text] for key, text in catalogue()["experiment"].items()], "")
        return
    place = out or Path("runs", "experiments", scale)
    settings = [*(changes or ()), *(more or ())]
    plan = make_plan(name, scale, numbers(seeds), place, methods=names(methods), changes=settings)
    if dry_run:
        _list(plan)
        return
    left, began = plan.left, time.perf_counter()
    tell(f"{plan.name}: {len(left)} runs to go, {len(plan.entries)} in all")

    def done(count: int) -> None:
        seconds = (time.perf_counter() - began) / count * (len(left) - count)
        tell(f"{plan.name}: {count} of {len(left)} runs done, left about {timedelta(seconds=round(seconds))}")

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
    print_table(table.head, table.rows(), table.caption)
    tell(f"{timedelta(seconds=round(time.perf_counter() - began))} for {len(left)} runs. The page: {page}")


def _list(plan: "Plan") -> None:
    """Print the runs of a plan, and which are finished."""
    states = {run.path: "finished" if run.finished else "to do" for run in plan.runs}
    rows = [[run.setting, run.method, str(run.seed), str(run.path), states[run.path]] for run in plan.runs]
    print_table(["setting", "method", "seed", "folder", ""], rows, f"{[*states.values()].count('to do')} runs to do.")
