"""Every metric against rounds: one panel for each data set and task, one line for each method (Fig. 4 of the paper)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Panel, line_panels


def curves(canvas: Canvas, panels: Sequence[Panel]) -> Figure:
    """Draw mean and spread over seeds."""
    return line_panels(canvas, panels)
