"""A comparison on disk: the table as Markdown and CSV, and drawings of what each method predicts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fedhca.atomic import write_atomically
from fedhca.experiment.build import build_participants
from fedhca.experiment.compare import Entry
from fedhca.report.gallery import comparison_rows, telling
from fedhca.report.result import Column, Result
from fedhca.report.sheet import Tile, sheet
from fedhca.report.table import Table
from fedhca.tasks.task import Task

TRIED = 48
"""Test pictures, spread over the set, among which the most telling ones are looked for."""


def write_table(entries: Sequence[Entry], out: Path, reference: str = "local") -> Table:
    """Write table.md and table.csv of finished runs, Δm against the reference; return the table."""
    results = [Result.of(entry.method, entry.seed, entry.metrics, datasets(entry), entry.setting) for entry in entries]
    table = Table(results, tasks(entries), reference)
    write_atomically(out / "table.md", table.markdown().encode())
    write_atomically(out / "table.csv", table.csv().encode())
    return table


def datasets(entry: Entry) -> dict[str, str]:
    """Return the data set of each client."""
    return {client.name: client.dataset for client in entry.folder.recipe.roster}


def tasks(entries: Sequence[Entry]) -> dict[Column, Task]:
    """Return the task of each metric of any of the federations."""
    first = {entry.setting: entry for entry in reversed(entries)}
    return {
        (datasets(entry)[client], name): task
        for entry in reversed(first.values())
        for client, own in entry.folder.tasks().items()
        for name, task in own.items()
    }


def draw_comparison(entries: Sequence[Entry], out: Path, pictures: int) -> None:
    """Write predictions-CLIENT.png for every client: so many test pictures under each method, of the first seed."""
    for name, rows in comparisons(entries, pictures):
        write_atomically(out / f"predictions-{name}.png", sheet(rows))


def comparisons(
    entries: Sequence[Entry], pictures: int, clients: Sequence[str] | None = None
) -> Iterator[tuple[str, list[list[Tile]]]]:
    """Yield each client, or each of those named, with its rows of tiles: the first setting on its first seed."""
    first = entries[0]
    folders = {e.method: e.folder for e in entries if (e.seed, e.setting) == (first.seed, first.setting)}
    for participant in build_participants(first.folder.recipe):
        test, name = participant.test, participant.name
        if clients is not None and name not in clients:
            continue
        predictors = {method: folder.predictor(name) for method, folder in folders.items()}
        tried = [test[index] for index in range(0, len(test), max(1, len(test) // TRIED))]
        chosen = telling(tried, participant.tasks, pictures)
        yield name, [row for sample in chosen for row in comparison_rows(predictors, sample)]
