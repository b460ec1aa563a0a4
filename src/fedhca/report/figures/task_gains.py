"""The gain over the reference task by task: a matrix of methods and tasks."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.heat import Heat, draw_heat
from fedhca.report.figures.lines import entitle


def task_gains(
    canvas: Canvas, settings: Mapping[str, Float[np.ndarray, "t m"]], tasks: Sequence[str], methods: Sequence[str]
) -> Figure:
    """Draw one panel for each setting: tasks in rows, methods in columns, gains in percent.

    The strongest colour is at the ninth tenth of all gains, so that one method that fails does not make all others
    look alike.
    """
    wide = len(methods) > 5
    figure, grid = canvas.panels(len(settings), height=0.9 + 0.3 * len(tasks), columns=1 if wide else 2)
    known = np.abs(np.concatenate([matrix[np.isfinite(matrix)] for matrix in settings.values()]))
    limit = max(1e-9, float(np.quantile(known, 0.9))) if known.size else 1.0
    small = 6.0 if canvas.narrow and wide else 7.5
    for axes, (setting, matrix) in zip(grid, settings.items(), strict=True):
        entitle(axes, canvas, setting, "gain %")
        draw_heat(axes, canvas, Heat(matrix, tasks, methods, limit, signed=True, form="{:+.1f}"), size=small)
    return figure
