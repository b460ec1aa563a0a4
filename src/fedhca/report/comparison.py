"""A comparison on disk: the table as Markdown and CSV, and drawings of what each method predicts."""

from collections.abc import Sequence
from pathlib import Path

from fedhca.atomic import write_atomically
from fedhca.experiment.build import build_participants
from fedhca.experiment.compare import Entry
from fedhca.report.gallery import comparison_rows, telling
from fedhca.report.sheet import sheet
from fedhca.report.table import Column, Result, Table
from fedhca.tasks.task import Task

TRIED = 48
"""Test pictures, spread over the set, among which the most telling ones are looked for."""


def write_table(entries: Sequence[Entry], out: Path) -> Table:
    """Write table.md and table.csv of finished runs, every method on the same seeds; return the table."""
    recipe = entries[0].folder.recipe
    datasets = {client.name: client.dataset for client in recipe.roster}
    tasks: dict[Column, Task] = {
        (datasets[client], name): task
        for client, own in entries[0].folder.tasks().items()
        for name, task in own.items()
    }
    table = Table([Result.of(entry.method, entry.seed, entry.metrics, datasets) for entry in entries], tasks)
    write_atomically(out / "table.md", table.markdown().encode())
    write_atomically(out / "table.csv", table.csv().encode())
    return table


def draw_comparison(entries: Sequence[Entry], out: Path, pictures: int) -> None:
    """Write predictions-CLIENT.png for every client: so many test pictures under each method, of the first seed."""
    folders = {entry.method: entry.folder for entry in entries if entry.seed == entries[0].seed}
    for participant in build_participants(entries[0].folder.recipe):
        test, name = participant.test, participant.name
        predictors = {method: folder.predictor(name) for method, folder in folders.items()}
        tried = [test[index] for index in range(0, len(test), max(1, len(test) // TRIED))]
        chosen = telling(tried, participant.tasks, pictures)
        rows = [row for sample in chosen for row in comparison_rows(predictors, sample)]
        write_atomically(out / f"predictions-{name}.png", sheet(rows))
