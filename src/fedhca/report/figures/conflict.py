"""Conflict between updates against rounds: their mean cosine, and how many pairs point apart."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Panel, line_panels


def conflict(canvas: Canvas, cosines: Sequence[Panel], negative: Sequence[Panel]) -> Figure:
    """Draw the cosines in the upper row, the share of negative pairs below them."""
    figure = line_panels(canvas, [*cosines, *negative], height=2.0, columns=len(cosines))
    for axes in figure.axes[: len(cosines)]:
        axes.axhline(0, color=canvas.theme.ink, linewidth=0.9)
    for axes in figure.axes[len(cosines) :]:
        axes.set_ylim(-3, 103)
    return figure
