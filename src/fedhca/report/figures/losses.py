"""Training losses against rounds, on a logarithmic axis: they fall by factors."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Panel, line_panels


def losses(canvas: Canvas, panels: Sequence[Panel]) -> Figure:
    """Draw mean and spread over seeds."""
    figure = line_panels(canvas, panels, height=1.9)
    for axes, panel in zip(figure.axes, panels, strict=True):
        if all(value > 0 for line in panel.lines for value in line.mean):
            _logarithmic(axes)
    return figure


def _logarithmic(axes: Axes) -> None:
    """Make the axis logarithmic, with ticks a reader can take in: within a decade evenly spaced ones."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 8 * low else MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
    axes.yaxis.set_minor_locator(NullLocator())
