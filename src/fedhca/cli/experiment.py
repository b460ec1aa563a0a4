"""The command that runs a table or a figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.exit_codes import goes_on_with
from fedhca.cli.option_types import AsJson, Changes, Jobs, MoreChanges, Pictures, Seeds, Trackers, names, numbers
from fedhca.cli.output import print_json, print_table, show_table, tell
from fedhca.cli.run_commands import finish_all
from fedhca.cli.summary import files, run_document, show_places

if TYPE_CHECKING:
    from fedhca.experiment.plan import Plan


def experiment(
    name: Annotated[
        str,
        typer.Argument(
            help="See the list without a name; or a YAML file of yours.", autocompletion=completion.experiments
        ),
    ] = "",
    more: MoreChanges = None,
    scale: Annotated[
        str,
        typer.Option(
            help="small: synthetic; small-real: photographs, on a CPU; full: the paper's.",
            autocompletion=completion.scales,
        ),
    ] = "small",
    seeds: Seeds = "0,1,2",
    methods: Annotated[str, typer.Option(help="Columns to run, with commas between; all if not given.")] = "",
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Runs and pages; runs/experiments/SCALE if not given.")] = None,
    jobs: Jobs = 1,
    pictures: Pictures = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, and stop.")] = False,
    track: Trackers = "",
    as_json: AsJson = False,
) -> None:
    """Run a table or figure of the paper, and draw it. Finished runs are reused, by other experiments, too.

    Example: `fedhca experiment`. Example: `fedhca experiment table1 --dry-run`.
    Example: `fedhca experiment table1 --scale small --seeds 0,1,2 --jobs 2`.
    """
    from fedhca.experiment.plan import make_plan
    from fedhca.experiment.registry import catalogue
    from fedhca.report.comparison import write_table
    from fedhca.report.page import write_report

    if not name:
        known = catalogue()["experiment"]
        if as_json:
            print_json(known)
        else:
            print_table(["experiment", ""], [[key, text] for key, text in known.items()], "")
        return
    place = out or Path("runs", "experiments", scale)
    settings = [*(changes or ()), *(more or ())]
    plan = make_plan(name, scale, numbers(seeds), place, methods=names(methods), changes=settings)
    if dry_run:
        _list(plan, as_json=as_json)
        return
    with goes_on_with():
        left, out = plan.left, place / plan.name
        tell(f"{plan.name}: {len(left)} runs to go, {len(plan.entries)} in all")
        finish_all(left, jobs, track, plan.name, apart=True)
        table = write_table(plan.entries, out, plan.experiment.reference)
        page = write_report(
            plan.entries,
            out,
            title=plan.experiment.title,
            lead=plan.experiment.lead,
            shows=plan.experiment.shows or None,
            pictures=pictures,
            reference=plan.experiment.reference,
        )
    if as_json:
        written = files({"page": page, "markdown": out / "table.md", "csv": out / "table.csv"})
        runs = [{"setting": entry.setting, **run_document(entry.folder)} for entry in plan.entries]
        print_json({"folder": out, "files": written, "values": table.records(), "runs": runs})
    show_table(table.head, table.rows(), table.caption)
    show_places(
        {"runs": f"{place}/FEDERATION/METHOD/seed-N", "table": f"{out}/table.md, table.csv", "the page": str(page)}
    )


def _list(plan: "Plan", *, as_json: bool) -> None:
    """Print the runs of a plan, and which are finished."""
    if as_json:
        fields = ("setting", "method", "seed", "folder", "finished")
        print_json(
            [
                dict(zip(fields, (run.setting, run.method, run.seed, run.path, run.finished), strict=True))
                for run in plan.runs
            ]
        )
        return
    states = {run.path: "finished" if run.finished else "to do" for run in plan.runs}
    rows = [[run.setting, run.method, str(run.seed), str(run.path), states[run.path]] for run in plan.runs]
    print_table(["setting", "method", "seed", "folder", ""], rows, f"{[*states.values()].count('to do')} runs to do.")
