"""Panels of lines against rounds, or against anything: what most figures are made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fedhca.report.figures.canvas import NARROW, Canvas, on_one_scale
from fedhca.report.figures.style import Look

MARKED = 6
"""About so many markers on a line, however many points it has."""
CROWD = 3
"""More bands than these become one grey cloud."""
LETTERS = 11.5
"""Of a title, about so many to an inch."""


@dataclass(frozen=True)
class Curve:
    """One line: the mean, and above and below it the spread where there is one.

    Attributes:
        label: in the legend.
        x: where.
        mean: what.
        spread: half the height of the band; 0 where there is none.
        look: its looks.
        thick: whether it is the one to look at.

    """

    label: str
    x: Sequence[int | float]
    mean: Sequence[float]
    spread: Sequence[float]
    look: Look
    thick: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines that share their axes, under a title; `unit` stands beside the title, and not so loud."""

    title: str
    lines: Sequence[Curve]
    unit: str = ""


def line_panels(
    canvas: Canvas,
    panels: Sequence[Panel],
    *,
    height: float = 2.1,
    columns: int = 3,
    bands: int = CROWD,
    one_scale: bool = False,
) -> Figure:
    """Draw small multiples with one legend, on one scale if asked.

    In panels with more than so many bands thick lines alone have theirs.
    """
    figure, grid = canvas.panels(len(panels), height=height, columns=columns)
    handles: dict[str, Line2D] = {}
    for axes, panel in zip(grid, panels, strict=True):
        entitle(axes, canvas, panel.title, panel.unit)
        crowded = len(panel.lines) > bands
        for line in panel.lines:
            veil = 0.14 * line.thick if crowded else 0.2 / len(panel.lines)
            handles.setdefault(line.label, draw_line(axes, canvas, line, veil=veil))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        spec = axes.get_subplotspec()
        if spec is None or spec.is_last_row():
            axes.set_xlabel("round")
    if len(handles) > 1:
        canvas.legend(figure, list(handles.values()))
    if one_scale:
        on_one_scale(grid, "y")
    return figure


def draw_line(axes: Axes, canvas: Canvas, line: Curve, *, veil: float = 0.2) -> Line2D:
    """Draw one line and its band, which is more or less opaque, or not there at all."""
    every = max(1, math.ceil(len(line.x) / MARKED))
    (drawn,) = axes.plot(
        line.x,
        line.mean,
        label=line.label,
        markevery=every,
        linewidth=2.4 if line.thick else 1.5,
        zorder=3 if line.thick else 2,
        **line.look.style(canvas.theme),
    )
    if veil and any(value > 0 for value in line.spread):
        low = [mean - spread for mean, spread in zip(line.mean, line.spread, strict=True)]
        high = [mean + spread for mean, spread in zip(line.mean, line.spread, strict=True)]
        colour = line.look.colour(canvas.theme)
        axes.fill_between(line.x, low, high, facecolor=(colour, veil), edgecolor=(colour, 0.4), linewidth=0.5, zorder=1)
    return drawn


def entitle(axes: Axes, canvas: Canvas, title: str, unit: str = "") -> None:
    """Write a panel's title at the left and its unit at the right, where no axis label has to be turned.

    A title that is longer than its panel is wide is broken into lines.
    """
    figure, spec = axes.get_figure(), axes.get_subplotspec()
    width = figure.get_figwidth() / spec.get_gridspec().ncols if isinstance(figure, Figure) and spec else NARROW
    axes.set_title(fill(title, max(20, int(width * LETTERS) - len(unit) - 2)), loc="left")
    if unit:
        axes.set_title(unit, loc="right", color=canvas.theme.muted, fontweight="normal", fontsize=8)
