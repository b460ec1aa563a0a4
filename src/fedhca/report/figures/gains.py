"""Δm of every method: bars, their spread over seeds, and every seed as a dot."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fedhca.report.figures.canvas import Canvas, on_one_scale
from fedhca.report.figures.lines import entitle
from fedhca.report.figures.look import Look
from fedhca.report.notation import signed_spread

Samples = Mapping[str, Sequence[float]]
"""Δm of each seed, by method."""


def gains(canvas: Canvas, settings: Mapping[str, Samples], looks: Mapping[str, Look]) -> Figure:
    """Draw one panel for each setting."""
    most = max(len(samples) for samples in settings.values())
    figure, grid = canvas.panels(len(settings), height=0.7 + 0.36 * most, columns=2)
    for axes, (setting, samples) in zip(grid, settings.items(), strict=True):
        entitle(axes, canvas, setting, "Δm %  → better")
        _bars(axes, canvas, samples, looks)
    on_one_scale(grid, "x")
    return figure


def _bars(axes: Axes, canvas: Canvas, samples: Samples, looks: Mapping[str, Look]) -> None:
    theme = canvas.theme
    for place, (method, values) in enumerate(samples.items()):
        known = [value for value in values if math.isfinite(value)]
        if not known:
            continue
        axes.barh(place, fmean(known), height=0.62, color=looks[method].colour(theme), alpha=0.85, zorder=2)
        if len(known) > 1:
            axes.errorbar(fmean(known), place, xerr=stdev(known), color=theme.ink, capsize=3, linewidth=1.1, zorder=3)
        dots: Any = {"s": 17, "facecolor": theme.surface, "edgecolor": theme.ink, "linewidth": 0.9, "zorder": 4}
        axes.scatter(known, _fanned(place, len(known)), marker=looks[method].style(theme)["marker"], **dots)
    axes.set_yticks(
        range(len(samples)), [f"{method}\n{signed_spread(values)} %" for method, values in samples.items()], va="center"
    )
    axes.axvline(0, color=theme.ink, linewidth=0.9, zorder=3)
    axes.set_ylim(len(samples) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=theme.ink)


def _fanned(place: int, count: int) -> list[float]:
    """Spread dots of one bar over its height, so that equal ones do not cover each other."""
    step = 0.36 / max(1, count - 1)
    return [place + (index - (count - 1) / 2) * step for index in range(count)]
