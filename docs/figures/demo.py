"""Draw what the demo came to: `make demo`, then `python docs/figures/demo.py` writes demo-*.svg beside it.

Everything is read from the runs in runs/demo, or in the folder given: gains from their last evaluations, weights and
mixing from their journals, pictures from their newest checkpoints.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from press import HERE, WIDTH, press

from fedhca.report.comparison import comparisons
from fedhca.report.discovery import found_runs
from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.heat import Heat, draw_heat
from fedhca.report.figures.theme import Theme
from fedhca.report.image_grid import Tile
from fedhca.report.study import Study

SHOWN = {"rooms-all-2": ("depth", "normals"), "figures-sal-1": ("sal",)}
"""Clients and tasks whose pictures are drawn."""
METHODS = {"local": "alone", "fedavg": "averaged", "fedhca2": "FedHCA²"}
"""Names of recipes, and what figures call them."""


def gains(theme: Theme, study: Study) -> Figure:
    """Draw the gain over training alone of each metric, and Δm, under both methods that mix."""
    table, lines = study.table, [f"{data} {task}" for data, task in study.table.shown]
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    axes = figure.subplots()
    for shift, method, hue in ((-0.19, "fedavg", 1), (0.19, "fedhca2", 0)):
        (delta,) = table.gains(method, "").values()
        values = [value for (value,) in table.task_gains(method, "").values()] + [delta]
        bars = axes.barh(
            np.arange(len(values)) + shift, values, height=0.34, color=theme.hues[hue], label=METHODS[method]
        )
        axes.bar_label(
            bars, [f"{value:+.1f}".replace("-", "−") for value in values], padding=3, color=theme.ink, size=8
        )
    axes.set_yticks(range(len(lines) + 1), [*lines, "Δm, their mean"], color=theme.ink)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.axhline(len(lines) - 0.5, color=theme.rule, linewidth=0.8)
    axes.axvline(0, color=theme.muted, linewidth=0.9)
    axes.set_ylim(len(lines) + 0.6, -0.6)
    axes.margins(x=0.12)
    axes.set(xticks=[])
    axes.set_title("Gain over training alone, in percent")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.legend(loc="lower right")
    return figure


def listening(theme: Theme, study: Study) -> Figure:
    """Draw what the answers to the decoders are made of in the last round, others only."""
    (run,) = study.of_setting("")["fedhca2"]
    matrix = run.notes("decoder", "mixing")[-1][1].copy()
    np.fill_diagonal(matrix, np.nan)
    names = [_short(client, task) for client, task in run.decoders]
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = figure.subplots()
    canvas = Canvas(theme)
    draw_heat(axes, canvas, Heat(matrix, names, names, 2 * float(np.nanmax(matrix)), form="{:.3f}"), size=7.5)
    axes.set_title("What the answer to a decoder (row) takes from the others (columns)", fontsize=9.5)
    return figure


def _short(client: str, task: str) -> str:
    kind, _, number = client.split("-")
    return f"{kind} {number} {task}"


def weights(theme: Theme, study: Study) -> Figure:
    """Draw α of each client, and β of each layer (mean over the decoders), against rounds."""
    (run,) = study.of_setting("")["fedhca2"]
    alpha, beta = run.notes("encoder", "alpha"), run.notes("decoder", "beta")
    rounds = [number for number, _ in alpha]
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(run.datasets)
    for place, name in enumerate(names):
        kind = [each.rsplit("-", 1)[0] for each in names]
        hue = theme.hues[list(dict.fromkeys(kind)).index(kind[place])]
        dash = "-" if name.endswith("1") else (0, (4, 1.5))
        left.plot(rounds, [values[place] for _, values in alpha], color=hue, linestyle=dash, label=name)
    left.set_title("α: what each encoder takes in")
    layers = np.mean([values for _, values in beta], axis=1)
    for layer in range(layers.shape[1]):
        last = layer == layers.shape[1] - 1
        label = f"layer {layer + 1}" + (", next to the head" if last else "")
        right.plot(rounds, layers[:, layer], color=theme.hues[layer], linewidth=2.4 if last else 1.4, label=label)
    right.set_title("β: what each layer of decoders takes in")
    for axes in (left, right):
        axes.set_xlabel("round")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=7.5)
    return figure


def pictures(theme: Theme, rows: list[list[Tile]]) -> Figure:
    """Draw a test picture, the truth, and what the client's model says under each method."""
    figure = Figure(figsize=(WIDTH, 1.56 * len(rows)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)  # type: ignore[union-attr]
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for number, row in enumerate(rows):
        for axes, tile in zip(grid[number], row, strict=True):
            axes.imshow(tile.picture, interpolation="none")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if number == 0:
                title = "picture" if tile is row[0] else METHODS.get(tile.caption, tile.caption)
                axes.set_title(title, loc="center", fontweight="normal", color=theme.muted, size=9)
        grid[number][0].set_ylabel(row[0].caption.split()[-1], color=theme.muted, size=9)
    return figure


def main() -> None:
    """Read the runs and draw all figures."""
    entries = found_runs([Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")])
    study = Study.of(entries)
    drawn = dict(comparisons(entries, 1, [*SHOWN]))
    rows = [row for name, tasks in SHOWN.items() for row in drawn[name] if row[0].caption.split()[-1] in tasks]
    press(lambda theme: gains(theme, study), HERE / "demo-gains.svg")
    press(lambda theme: listening(theme, study), HERE / "demo-listening.svg")
    press(lambda theme: weights(theme, study), HERE / "demo-weights.svg")
    press(lambda theme: pictures(theme, rows), HERE / "demo-pictures.svg")


if __name__ == "__main__":
    main()
