"""A comparison on disk: the table as Markdown and CSV, and drawings of what each method predicts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fedhca.client.samples import Batch
from fedhca.data.colours import unnormalise
from fedhca.experiment.build import build_participants
from fedhca.experiment.compare import Entry
from fedhca.report.comparison_table import Table
from fedhca.report.image_grid import Tile, sheet
from fedhca.report.result import Column, Result
from fedhca.sharing.predictor import Predictor
from fedhca.storage.atomic import write_atomically
from fedhca.tasks.task import IGNORE, Task

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


def comparison_rows(predictors: Mapping[str, Predictor], sample: Batch) -> list[list[Tile]]:
    """Return one row per task: the picture, the truth, and each method's prediction.

    Args:
        predictors: the same client under several methods, by method.
        sample: a test picture with its labels.

    """
    first = next(iter(predictors.values()))
    picture = unnormalise(sample["image"].numpy())
    found = {method: predictor.predict(sample["image"]) for method, predictor in predictors.items()}
    rows = []
    for task in first.tasks:
        truth = sample[task.name].numpy()
        columns = {"truth": truth, **{method: values[task.name] for method, values in found.items()}}
        like = task.drawn_like(truth)
        tiles = [Tile(name, like.draw(task.known(values, truth), picture)) for name, values in columns.items()]
        rows.append([Tile(f"{first.client} {task.name}", picture), *tiles])
    return rows


def telling(samples: Sequence[Batch], tasks: Sequence[Task], count: int) -> list[Batch]:
    """Return the samples that have labels, and labels other than background, on the most pixels."""
    return sorted(samples, key=lambda sample: -_labelled(sample, tasks))[:count]


def _labelled(sample: Batch, tasks: Sequence[Task]) -> float:
    total = 0.0
    for task in tasks:
        valid = sample[task.name] != IGNORE
        total += float(valid.float().mean() + (valid & (sample[task.name] != 0)).float().mean())
    return total
