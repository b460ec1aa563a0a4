"""Commands about data sets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedhca.cli.option_types import AsJson
from fedhca.cli.output import is_quiet, print_json, print_table, say, tell

if TYPE_CHECKING:
    from fedhca.data.survey.survey import Survey


def data_check(
    what: Annotated[str, typer.Argument(metavar="DIR|RECIPE", help="A folder with dataset.yaml, or a recipe.")],
    out: Annotated[
        Path | None, typer.Option(help="A folder for the contact sheets; where DIR or RECIPE lies if not given.")
    ] = None,
    pictures: Annotated[int, typer.Option(help="Pictures on the contact sheet.", min=1)] = 8,
    as_json: AsJson = False,
) -> None:
    """Read every file of a data set once: what is wrong with it, and what is in it.

    Example: `fedhca data check photos`. Example: `fedhca data check recipe.yaml --json`.
    """
    from fedhca.data.survey.survey import survey_source
    from fedhca.errors import DataError
    from fedhca.experiment.sources import data_sets
    from fedhca.report.contact_sheet import contact_sheet
    from fedhca.storage.atomic import write_atomically

    place = out or (Path(what).absolute().parent if Path(what).exists() else Path())
    documents: list[dict[str, Any]] = []
    wrong = 0
    for name, splits in data_sets(what).items():
        with _progress(name, sum(map(len, splits.values()))) as done:
            found = survey_source(splits, done)
        sheet = place / f"{name}-check.png"
        try:
            write_atomically(sheet, contact_sheet(next(iter(splits.values())), pictures))
            drawn: Path | None = sheet
        except DataError:  # which is among the problems
            drawn = None
        wrong += found.wrong
        if as_json:
            documents.append({"name": name, **found.facts(), "sheet": drawn})
        else:
            _show(name, found)
            if drawn:
                tell(f"Contact sheet: {drawn}")
    if as_json:
        print_json(documents)
    if wrong:
        raise typer.Exit(1)


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many pictures were read, on a terminal alone; it goes when they all are."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if is_quiet() or not console.is_terminal:
        yield lambda count: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"reading {name}", total=total)
        yield lambda count: bar.update(task, completed=count)


def _show(name: str, found: "Survey") -> None:
    from fedhca.tasks.kinds import kind_of

    counts = ", ".join(f"{count} in {split}" for split, count in found.splits.items())
    tell(f"{name}: {counts}; {_sizes(found)}")
    rows = [
        [task, kind_of(tally.task), f"{tally.with_label} of {found.pictures}", f"{tally.share:.1%}", tally.line()]
        for task, tally in found.tallies.items()
    ]
    print_table(["task", "kind", "pictures with it", "labelled pixels", "what is in it"], rows, "")
    for task, facts in found.facts()["tasks"].items():
        if "classes" in facts:
            shares = [
                [label, f"{each['share']:.2%}", str(each["pictures"])] for label, each in facts["classes"].items()
            ]
            print_table([f"class of {task}", "share", "pictures"], shares, "")
    for line in found.problems:
        say(line)
    if found.wrong > len(found.problems):
        say(f"and {found.wrong - len(found.problems)} more")
    for line in found.advice:
        tell(f"Suggestion: {line}")
    tell(f"{found.wrong} problems.")


def _sizes(found: "Survey") -> str:
    (height, width), kinds = found.largest, len(found.sizes)
    if kinds == 1:
        return f"all {height} × {width} pixels"
    return f"{kinds} sizes, at most {height} pixels high and {width} wide"
