"""α of every client against rounds: how much of the common direction its encoder takes in (Fig. 6 of the paper)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas, on_one_scale
from fedhca.report.figures.lines import Panel, line_panels


def alpha(canvas: Canvas, panels: Sequence[Panel]) -> Figure:
    """Draw one panel for each method that has α, all on one scale."""
    figure = line_panels(canvas, panels, height=2.7, columns=2, bands=len(panels[0].lines))
    on_one_scale(figure.axes, "y")
    return figure
