"""Bytes that each client receives and sends in a round."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import entitle
from fedhca.report.figures.look import Look
from fedhca.report.notation import size

DIRECTIONS = {"down": ("received", Look(0)), "up": ("sent", Look(1))}


def bytes_per_round(
    canvas: Canvas, clients: Sequence[str], amounts: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """Draw one panel for each group of methods: for every client a bar down and a bar up."""
    figure, grid = canvas.panels(len(amounts), height=0.8 + 0.34 * len(clients), columns=2)
    for axes, (methods, amount) in zip(grid, amounts.items(), strict=True):
        entitle(axes, canvas, methods)
        bars = []
        for shift, (direction, (label, look)) in zip((-0.19, 0.19), DIRECTIONS.items(), strict=True):
            places = [place + shift for place in range(len(clients))]
            hatch = "" if direction == "down" else "//"
            colour = look.colour(canvas.theme)
            bars.append(
                axes.barh(
                    places,
                    amount[direction],
                    0.34,
                    label=label,
                    color=colour,
                    hatch=hatch,
                    edgecolor=canvas.theme.surface,
                )
            )
        axes.set_yticks(range(len(clients)), clients)
        axes.set_ylim(len(clients) - 0.5, -0.5)
        axes.xaxis.set_major_formatter(lambda value, _: size(value))
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=canvas.theme.ink)
        axes.locator_params(axis="x", nbins=5)
    canvas.legend(figure, bars)
    return figure
