"""Seconds that a round takes, phase by phase."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import entitle
from fedhca.report.figures.look import Look

HATCHES = ("", "//", "\\\\", "xx")


def seconds(canvas: Canvas, methods: Sequence[str], phases: Mapping[str, Sequence[float]]) -> Figure:
    """Draw one bar for each method, its phases one after the other."""
    figure, (axes,) = canvas.panels(1, height=0.9 + 0.3 * len(methods), columns=1)
    entitle(axes, canvas, "", "seconds per round, mean over rounds and seeds")
    start, bars = [0.0] * len(methods), []
    for place, (phase, values) in enumerate(phases.items()):
        colour = Look(place).colour(canvas.theme)
        style: Any = {"color": colour, "hatch": HATCHES[place % len(HATCHES)], "edgecolor": canvas.theme.surface}
        bars.append(axes.barh(methods, values, 0.62, left=start, label=phase, **style))
        start = [before + value for before, value in zip(start, values, strict=True)]
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=canvas.theme.ink)
    canvas.legend(figure, bars)
    return figure
