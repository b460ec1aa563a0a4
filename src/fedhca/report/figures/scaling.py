"""Δm against settings, such as ever more clients (Fig. 5 of the paper)."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Line, draw_line, entitle
from fedhca.report.figures.look import Look


def scaling(
    canvas: Canvas,
    settings: Sequence[str],
    gains: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    looks: Mapping[str, Look],
) -> Figure:
    """Draw one line for each method: mean and standard deviation in each setting."""
    figure, (axes,) = canvas.panels(1, height=3.2, columns=1)
    entitle(axes, canvas, "", "Δm %  ↑ better")
    handles = []
    for number, (method, (mean, deviation)) in enumerate(gains.items()):
        aside = 0.03 * (number - (len(gains) - 1) / 2)  # so that error bars do not cover each other
        places = [place + aside for place in range(len(settings))]
        line = Line(method, places, mean, [0.0] * len(places), looks[method])
        handles.append(draw_line(axes, canvas, line))
        colour = looks[method].colour(canvas.theme)
        axes.errorbar(places, mean, yerr=deviation, fmt="none", color=colour, capsize=3, linewidth=1)
    axes.axhline(0, color=canvas.theme.ink, linewidth=0.9)
    axes.set_xticks(range(len(settings)), settings)
    axes.margins(x=0.08)
    canvas.legend(figure, handles)
    return figure
