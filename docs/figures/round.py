"""Draw one round of the tutorial's federation with its own numbers: `python docs/figures/round.py` writes round.svg.

The recipe is the one on docs/first-federation.md; it is run here, and its last round is drawn: how many numbers each
client sends, and the matrices with which the server mixed them.
"""

import os
import re
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from press import HERE, WIDTH, press

import fedhca
from fedhca.experiment.build import build_model
from fedhca.report.figures.canvas import Canvas, readable_on
from fedhca.report.figures.heat import Heat, draw_heat
from fedhca.report.figures.theme import Theme

PAGE = HERE.parent / "first-federation.md"


def last_round() -> tuple[fedhca.RunFolder, dict[str, dict[str, int]]]:
    """Run the tutorial's recipe; return its folder, and how many numbers each part of each client's model has."""
    source = re.search(r'write_text\("""\n(.*?)"""\)', PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert source  # the tutorial begins with its recipe
    Path("three.yaml").write_text(source[1])
    list(fedhca.run("three.yaml", out="run"))
    folder = fedhca.RunFolder.open(Path("run"))
    sizes = {}
    for client in folder.recipe.roster:
        model = build_model(folder.recipe, client.name)
        heads = sum(parameter.numel() for parameter in model.heads.parameters())
        sizes[client.name] = {
            "encoder": model.encoder_layout.width,
            "decoder": model.decoder_layout.width,
            "head": heads // len(client.tasks),
        }
    return folder, sizes


def draw(theme: Theme, folder: fedhca.RunFolder, sizes: dict[str, dict[str, int]]) -> Figure:
    """Draw clients with what they send at the left, the server with what it does at the right."""
    line, roster = folder.journal[-1], folder.recipe.roster
    figure = Figure(figsize=(WIDTH, 4.5))
    left = figure.add_axes((0, 0, 0.5, 1))
    left.set(xlim=(0, 3.6), ylim=(0, 4.5))
    left.axis("off")
    height = 4.2 / sum(1.4 + len(client.tasks) for client in roster)
    top = 4.4
    for client in roster:
        tall = height * (1.4 + len(client.tasks))
        _client(left, theme, client.name, client.tasks, sizes[client.name], (top - tall + 0.06, top))
        sent = line["bytes"][client.name]["up"]
        middle = top - tall / 2
        for shift, ends in ((0.07, ((2.72, middle), (3.58, middle))), (-0.07, ((3.58, middle), (2.72, middle)))):
            (x0, y0), (x1, y1) = ends
            arrow = {"arrowstyle": "-|>", "color": theme.accent, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
            left.annotate("", (x1, y1 + shift), (x0, y0 + shift), arrowprops=arrow)
        left.text(3.15, middle + 0.14, f"{sent / 1000:.0f} kB", ha="center", va="bottom", color=theme.accent, size=8)
        left.text(3.15, middle - 0.14, "back", ha="center", va="top", color=theme.accent, size=8)
        top -= tall
    names = [client.name for client in roster]
    tasks = [f"{client.name} {task}" for client in roster for task in client.tasks]
    _matrix(figure, theme, (0.66, 0.7, 0.33, 0.23), "encoders", line["encoder"]["mixing"], names)
    _matrix(figure, theme, (0.66, 0.13, 0.33, 0.38), "decoders", line["decoder"]["mixing"], tasks)
    return figure


def _client(
    axes: Axes, theme: Theme, name: str, tasks: tuple[str, ...], sizes: dict[str, int], span: tuple[float, float]
) -> None:
    bottom, top = span
    _box(axes, (0.04, bottom, 2.6, top - bottom), theme.raised, theme.rule)
    axes.text(0.16, top - 0.13, name, va="top", color=theme.ink, weight="bold", size=9.5)
    axes.text(2.52, top - 0.14, "data and heads stay here", va="top", ha="right", color=theme.muted, size=7.5)
    middle, low = (bottom + top - 0.3) / 2, bottom + 0.1
    _box(axes, (0.14, low, 0.98, top - 0.42 - low), theme.hues[0], "none")
    axes.text(
        0.63,
        middle,
        f"encoder\n{sizes['encoder'] / 1000:.0f} k",
        ha="center",
        va="center",
        color=readable_on(theme.hues[0]),
        size=8,
    )
    step = (top - 0.42 - low) / len(tasks)
    for place, task in enumerate(tasks):
        base = top - 0.42 - (place + 1) * step
        _box(axes, (1.18, base + 0.02, 0.98, step - 0.04), theme.hues[2], "none")
        words, ink = f"{task}  {sizes['decoder'] / 1000:.0f} k", readable_on(theme.hues[2])
        axes.text(1.67, base + step / 2, words, ha="center", va="center", color=ink, size=7.5)
        _box(axes, (2.2, base + 0.02, 0.36, step - 0.04), theme.surface, theme.muted)
        axes.text(2.38, base + step / 2, "head", ha="center", va="center", color=theme.muted, size=7)


def _box(axes: Axes, place: tuple[float, float, float, float], fill: str, edge: str) -> None:
    x, y, width, height = place
    shape = "round,pad=0,rounding_size=0.05"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, facecolor=fill, edgecolor=edge, linewidth=0.9))


def _matrix(
    figure: Figure, theme: Theme, place: tuple[float, float, float, float], side: str, values: object, names: list[str]
) -> None:
    matrix = np.array(values, dtype=float)
    axes = figure.add_axes(place)
    others = matrix[~np.eye(len(matrix), dtype=bool)]
    draw_heat(axes, Canvas(theme), Heat(matrix, names, names, 2.5 * float(others.max()), form="{:.3f}"), size=6.8)
    axes.set_title(f"server mixes {side}", loc="left", size=9)
    axes.tick_params(axis="x", labelrotation=30)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")


def main() -> None:
    """Run the tutorial's federation in a folder of its own, and draw."""
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        folder, sizes = last_round()
        press(lambda theme: draw(theme, folder, sizes), HERE / "round.svg")
        os.chdir(HERE)


if __name__ == "__main__":
    main()
