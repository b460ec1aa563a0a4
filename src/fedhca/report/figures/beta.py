"""β of every decoder, layer by layer, against rounds: how much it takes in by attention (Fig. 7 of the paper)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas, on_one_scale
from fedhca.report.figures.lines import Panel, line_panels


def beta(canvas: Canvas, panels: Sequence[Panel]) -> Figure:
    """Draw one panel for each kind of decoder, all on one scale; the layer next to the head is the thick line."""
    figure = line_panels(canvas, panels, height=1.9)
    on_one_scale(figure.axes, "y")
    return figure
