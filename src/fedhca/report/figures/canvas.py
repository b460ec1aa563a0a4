"""What every figure is drawn on: a theme, a width, and panels that look alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from fedhca.report.figures.theme import LIGHT, Theme

WIDE, NARROW = 9.6, 3.5
"""Inches: of a page, and of a phone."""


@dataclass(frozen=True)
class Canvas:
    """A place to draw.

    Attributes:
        theme: its colours.
        narrow: for a phone: one panel beside no other.

    """

    theme: Theme = LIGHT
    narrow: bool = False

    def panels(self, count: int, *, height: float = 2.2, columns: int = 3) -> tuple[Figure, list[Axes]]:
        """Return a figure with so many panels, at most so many beside each other, each so many inches high."""
        rows = count if self.narrow else math.ceil(count / columns)
        across = math.ceil(count / rows)  # two rows of two, not three and one
        engine = ConstrainedLayoutEngine(h_pad=0.06, hspace=0.05)
        figure = Figure(figsize=(NARROW if self.narrow else WIDE, rows * height + 0.4), layout=engine)
        grid = list(figure.subplots(rows, across, squeeze=False).flat)
        for spare in grid[count:]:
            spare.remove()
        return figure, grid[:count]

    def settings(self) -> dict[Any, Any]:
        """Return matplotlib's settings of this theme."""
        theme = self.theme
        return {
            "font.size": 8.5,
            "axes.titlesize": 9,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "axes.labelsize": 8,
            **dict.fromkeys(("axes.formatter.useoffset", "axes.spines.top", "axes.spines.right"), False),
            **dict.fromkeys(("axes.unicode_minus", "axes.grid", "axes.axisbelow"), True),
            "axes.linewidth": 0.7,
            "grid.linewidth": 0.6,
            "grid.color": theme.rule,
            **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 7.5),
            "legend.fontsize": 8,
            "legend.frameon": False,
            **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), theme.surface),
            **dict.fromkeys(("text.color", "axes.titlecolor"), theme.ink),
            **dict.fromkeys(("axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), theme.muted),
            "lines.linewidth": 1.6,
            "lines.markersize": 4,
            "svg.fonttype": "none",
            "svg.hashsalt": "fedhca",
        }

    def legend(self, figure: Figure, handles: Sequence[Any]) -> None:
        """Put one legend below all panels, in as many columns as there is room for."""
        longest = max(len(str(handle.get_label())) for handle in handles)
        room = 46 if self.narrow else 130
        rows = math.ceil(len(handles) / max(1, room // (longest + 7)))
        columns = math.ceil(len(handles) / rows)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=2.6, columnspacing=1.4)

    def colours(self, *, signed: bool) -> Colormap:
        """Return the colours from nothing to much, or from below zero to above; what is not known has none."""
        stops = self.theme.diverging if signed else self.theme.sequential
        return LinearSegmentedColormap.from_list("theme", stops).with_extremes(bad=self.theme.surface)


def readable_on(colour: Any) -> str:
    """Return black or white, whichever has more contrast on this colour (WCAG 2.2: (L₁ + 0.05)/(L₂ + 0.05))."""
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#10141a" if luminance > 0.195 else "#ffffff"  # where both have the same contrast


def on_one_scale(grid: Sequence[Axes], direction: Literal["x", "y"]) -> None:
    """Give all panels the widest limits of any, so that lengths can be compared and nothing is cut off."""
    limits = [getattr(axes, f"get_{direction}lim")() for axes in grid]
    widest = min(low for low, _ in limits), max(high for _, high in limits)
    for axes in grid:
        getattr(axes, f"set_{direction}lim")(*widest)


def name_bars(axes: Axes, canvas: Canvas) -> None:
    """Set the names of level bars in ink, without ticks and lines between them."""
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=canvas.theme.ink)
