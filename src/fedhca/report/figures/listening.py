"""Who listens to whom: the mixing matrix of every method, one panel each, all on one scale."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.heat import Heat, draw_heat, name_once
from fedhca.report.figures.lines import entitle

NUMBERED = 6
"""Up to so many participants the weights are written into the cells."""


def listening(canvas: Canvas, matrices: Mapping[str, Float[np.ndarray, "m m"]], names: Sequence[str]) -> Figure:
    """Draw answers in rows, what they are made of in columns.

    Colours reach their strongest at the largest weight off the diagonal: one's own share is written and framed, and
    would drown all others.
    """
    few = len(names) <= NUMBERED
    figure, grid = canvas.panels(
        len(matrices), height=0.75 + len(names) * (0.3 if few else 0.19), columns=3 if few else 2
    )
    others = np.concatenate([matrix[~np.eye(len(matrix), dtype=bool)] for matrix in matrices.values()])
    limit = float(np.nanmax(np.abs(others), initial=0)) or 1.0
    signed = bool((others < 0).any())
    for axes, (method, matrix) in zip(grid, matrices.items(), strict=True):
        entitle(axes, canvas, method)
        image = draw_heat(axes, canvas, Heat(matrix, names, names, limit, signed, "{:.2f}" if few else ""), size=6.5)
        for place in range(len(names)):
            frame = Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=canvas.theme.ink, linewidth=0.8)
            axes.add_patch(frame)
    name_once(grid)
    bar = figure.colorbar(image, ax=grid, location="bottom", shrink=0.5, aspect=40, pad=0.02, extend="max")
    bar.outline.set_visible(False)
    marks = [limit, limit / 4]  # evenly spaced, as colours go by the root
    bar.set_ticks([*((-mark for mark in marks) if signed else ()), 0, *marks[::-1]], minor=False)
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}".replace("-", "−"))
    return figure
