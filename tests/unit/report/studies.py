"""Runs that nobody trained: recipes and journals written by hand, so that every number on a page is known.

`recorded` takes the lines of a journal as they are, for tests of values; `made` writes lines by a rule. `section` and
`figure` give what the page shows of them, and nothing else of the report is asked.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fedhca.experiment.compare import Entry
from fedhca.experiment.recipes import load_recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.report.figures.canvas import Canvas
from fedhca.report.page import SECTIONS
from fedhca.report.report_section import Drawing, Grid, ReportSection
from fedhca.report.study import Study
from tiny import RECIPE

WIDE = Canvas()
CLIENTS = (
    "clients=[{name: lab, dataset: figures, tasks: [sal], count: 2}, "
    "{name: hall, dataset: rooms, tasks: [depth, semseg]}]"
)
"""Two clients of one kind, lab-1 and lab-2, and one of two tasks: three encoders, four decoders."""

QUALITY = {"local": 1.0, "fedavg": 0.8, "fedhca2": 1.1}
"""By what each method's metrics are better than those of training alone."""
BASE = {"semseg": 40.0, "depth": 0.8, "normals": 20.0, "edge": 60.0, "sal": 70.0}
LOWER = {"depth", "normals"}
LAYERS = 6


def made(
    out: Path,
    method: str,
    seed: int = 0,
    *,
    rounds: int = 4,
    done: int | None = None,
    setting: str = "",
    changes: Sequence[str] = (),
    without: Sequence[str] = (),
    metrics: dict[str, dict[str, float | None]] | None = None,
    better: float | None = None,
) -> Entry:
    """Make a run folder in which some rounds are done; return it as part of a comparison.

    Args:
        out: where; the run is at OUT/METHOD/seed-K.
        method: in one word.
        seed: of the run.
        rounds: that were planned.
        done: those that were done; all if not given.
        setting: of the entry.
        changes: to the tiny recipe.
        without: notes that the journal does not have, as older ones.
        metrics: of the last round, instead of those that QUALITY gives.
        better: instead of what QUALITY says.

    """
    recipe = load_recipe(RECIPE, [f"method={method}", f"seed={seed}", f"rounds={rounds}", *changes])
    lines = []
    for number in range(1, (rounds if done is None else done) + 1):
        line = _line(recipe, number, seed, without, better or QUALITY.get(recipe.method.name, 1.05))
        lines.append(line | ({"metrics": metrics} if metrics and number == rounds else {}))
    return recorded(out, method, lines, seed=seed, rounds=rounds, setting=setting, changes=changes)


def recorded(
    out: Path,
    method: str,
    lines: Sequence[dict[str, Any]],
    *,
    seed: int = 0,
    rounds: int | None = None,
    setting: str = "",
    changes: Sequence[str] = (CLIENTS,),
) -> Entry:
    """Make a run folder with these lines as its journal, of rounds 1, 2, … unless a line says which it is of.

    Args:
        out: where; the run is at OUT/METHOD/seed-K.
        method: in one word.
        lines: what each round's line holds.
        seed: of the run.
        rounds: that were planned; as many as there are lines if not given.
        setting: of the entry.
        changes: to the tiny recipe.

    """
    planned = f"rounds={rounds or len(lines)}"
    recipe = load_recipe(RECIPE, [f"method={method}", f"seed={seed}", planned, *changes])
    folder = RunFolder.create(out / method / f"seed-{seed}", recipe)
    text = "".join(json.dumps({"round": number, **line}) + "\n" for number, line in enumerate(lines, start=1))
    (folder.path / "journal.jsonl").write_text(text, encoding="utf-8")
    return Entry(method, seed, folder, setting)


def measured(sal: float, depth: float, semseg: float) -> dict[str, dict[str, float]]:
    """Return metrics of CLIENTS; those of the two labs lie 1 below and 1 above their mean."""
    return {"lab-1": {"sal": sal - 1}, "lab-2": {"sal": sal + 1}, "hall": {"depth": depth, "semseg": semseg}}


def section(name: str, entries: Sequence[Entry], **options: Any) -> ReportSection | None:
    """Return what the page shows of some runs in a section."""
    return SECTIONS[name](Study.of(entries, **options))


def shown(name: str, entries: Sequence[Entry], **options: Any) -> ReportSection:
    """Return a section that has to be there."""
    found = section(name, entries, **options)
    assert found is not None
    return found


def drawings(found: ReportSection) -> dict[str, Drawing]:
    """Return the figures of a section by name."""
    return {part.name: part for part in found.parts if isinstance(part, Drawing)}


def grids(found: ReportSection) -> list[Grid]:
    """Return the tables of a section."""
    return [part for part in found.parts if isinstance(part, Grid)]


def texts(grid: Grid) -> list[tuple[str, list[list[str]]]]:
    """Return what a table says: cells as text, what stands after them behind a bar."""
    return [
        (name, [[cell.text + (f" | {cell.note}" if cell.note else "") for cell in line] for line in lines])
        for name, lines in grid.groups
    ]


def figure(part: Drawing, canvas: Canvas = WIDE) -> Figure:
    """Draw a figure as the page has it."""
    with rc_context(canvas.settings()):
        return part.draw(canvas)


def points(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each line that has a name, rounded to six decimals."""
    lines: dict[str, Any] = {str(line.get_label()): line for line in axes.get_lines()}
    return {
        name: [
            (round(float(x), 6), round(float(y), 6)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        ]
        for name, line in lines.items()
        if not name.startswith("_")
    }


def bands(axes: Axes) -> list[dict[float, tuple[float, float]]]:
    """Return the bands of a panel: lower and upper edge by x, rounded to four decimals."""
    found = []
    for band in axes.collections:
        edges: dict[float, list[float]] = {}
        for x, y in np.asarray(band.get_paths()[0].vertices).tolist():
            edges.setdefault(round(x, 6), []).append(round(y, 4))
        found.append({x: (min(ys), max(ys)) for x, ys in edges.items()})
    return found


def bars(axes: Axes) -> list[tuple[float, float, float]]:
    """Return left end, length and middle height of every bar, rounded to four decimals."""
    patches: Any = axes.patches
    found = [(bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in patches]
    return [(round(left, 4), round(length, 4), round(middle, 4)) for left, length, middle in found]


def marks(axes: Axes) -> list[list[list[float]]]:
    """Return where the single marks of each bar are, rounded to four decimals."""
    found: list[Any] = [each.get_offsets() for each in axes.collections if isinstance(each, PathCollection)]
    return [np.round(each, 4).tolist() for each in found]


def whiskers(axes: Axes) -> list[list[list[float]]]:
    """Return both ends of every error bar, rounded to four decimals."""
    found: list[Any] = [each.get_segments() for each in axes.collections if isinstance(each, LineCollection)]
    return [np.round(end, 4).tolist() for each in found for end in each]


def cells(axes: Axes) -> list[list[str]]:
    """Return what is written into the cells of a heat map, row by row."""
    rows: dict[float, dict[float, str]] = {}
    for text in axes.texts:
        column, row = text.get_position()
        rows.setdefault(row, {})[column] = text.get_text()
    return [[rows[row][column] for column in sorted(rows[row])] for row in sorted(rows)]


def scale(axes: Axes) -> tuple[float, float]:
    """Return the values at which the colours of a heat map are at their ends, rounded to six decimals."""
    low, high = axes.images[0].get_clim()
    assert low is not None
    assert high is not None
    return round(low, 6), round(high, 6)


def colours(axes: Axes, *values: float) -> list[str]:
    """Return the colours that a heat map has for some values."""
    (image,) = axes.images
    return [to_hex(colour) for colour in image.to_rgba(np.array([values]))[0]]


def _line(recipe: Any, number: int, seed: int, without: Sequence[str], better: float) -> dict[str, Any]:
    clients = {client.name: client.tasks for client in recipe.roster}
    decoders = sum(map(len, clients.values()))
    values = {client: {task: _value(task, number, seed, better) for task in tasks} for client, tasks in clients.items()}
    encoder = {"mixing": _mixing(len(clients), recipe.method.name), "gram": _gram(len(clients))}
    decoder = {"mixing": _mixing(decoders, recipe.method.name), "gram": _gram(decoders)}
    if recipe.method.name == "fedhca2":
        encoder["alpha"] = [0.1 + 0.05 * number * (place + 1) for place in range(len(clients))]
        decoder["beta"] = [[0.1 + 0.02 * number * (LAYERS - layer) for layer in range(LAYERS)]] * decoders
        if number > 1:  # of the first round there is no product yet
            encoder |= {"product": [0.02] * len(clients), "own_product": [0.017] * len(clients)}
            decoder |= {"product": [[0.1] * LAYERS] * decoders, "own_product": [[0.04] * LAYERS] * decoders}
    for side in (encoder, decoder):
        for name in without:
            side.pop(name, None)
    return {
        "round": number,
        "losses": {client: dict.fromkeys(tasks, 2.0 / number) for client, tasks in clients.items()},
        "metrics": values if number % recipe.evaluate_every == 0 or number == recipe.rounds else {},
        "encoder": encoder,
        "decoder": decoder,
        "seconds": {"train": 1.5, "aggregate": 0.25, "evaluate": 0.5},
        "clients": {client: {"train": 1.0 * number, "transport": 0.5, "waiting": 0.25} for client in clients},
        "bytes": {client: {"down": 1000 * len(tasks), "up": 900 * len(tasks)} for client, tasks in clients.items()},
    }


def _value(task: str, number: int, seed: int, better: float) -> float:
    if task in LOWER:
        return BASE[task] * (1 - 0.02 * number + 0.01 * seed) / better
    return BASE[task] * (1 + 0.02 * number + 0.01 * seed) * better


def _mixing(count: int, method: str) -> Any:
    share = {"local": 0.0, "fedavg": 1.0}.get(method, 0.25)
    return [[(1 - share) * (i == j) + share / count for j in range(count)] for i in range(count)]


def _gram(count: int) -> Any:
    return [[1.0 if i == j else -0.1 if i + j == 1 else 0.2 for j in range(count)] for i in range(count)]
