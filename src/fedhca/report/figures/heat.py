"""A matrix as coloured cells, with its numbers where there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fedhca.report.figures.canvas import Canvas, readable_on
from fedhca.report.formatting import printed


@dataclass(frozen=True)
class Heat:
    """A matrix to be drawn.

    Attributes:
        values: the cells.
        rows: name of each row.
        columns: name of each column.
        limit: the value that has the strongest colour; what lies beyond has it too.
        signed: whether there may be values below zero.
        form: how numbers are written in the cells; empty where there is no room for any.

    """

    values: Float[np.ndarray, "r c"]
    rows: Sequence[str]
    columns: Sequence[str]
    limit: float
    signed: bool = False
    form: str = ""


def draw_heat(axes: Axes, canvas: Canvas, heat: Heat, *, size: float = 7.5) -> AxesImage:
    """Draw the cells, their names along the axes, and their numbers."""
    colours = canvas.colours(signed=heat.signed)
    scale = FuncNorm((_root, _square), -heat.limit if heat.signed else 0, heat.limit, clip=True)
    image = axes.imshow(heat.values, cmap=colours, norm=scale, aspect="auto", interpolation="none")
    _name(axes, heat, size)
    if heat.form:
        for (row, column), value in np.ndenumerate(heat.values):
            ink = readable_on(colours(scale(value))) if np.isfinite(value) else canvas.theme.muted
            text = printed(heat.form.format(value)) if np.isfinite(value) else "–"
            axes.text(column, row, text, ha="center", va="center_baseline", color=ink, fontsize=size)
    return image


def _root(value: Any) -> Any:
    """Lift what is small: colours go by the root of a value, so that a hundredth can be told from nothing."""
    return np.sign(value) * np.sqrt(np.abs(value))


def _square(value: Any) -> Any:
    return np.sign(value) * np.square(value)


def _name(axes: Axes, heat: Heat, size: float) -> None:
    axes.grid(False)
    axes.set_xticks(range(len(heat.columns)), heat.columns, fontsize=size)
    axes.set_yticks(range(len(heat.rows)), heat.rows, fontsize=size)
    axes.tick_params(length=0)
    if len(heat.columns) * (max(map(len, heat.columns)) + 2) > _room(axes):
        axes.tick_params(axis="x", labelrotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _room(axes: Axes) -> float:
    """Return about how many letters fit below a panel."""
    spec = axes.get_subplotspec()
    across = spec.get_gridspec().ncols if spec else 1
    inches = axes.figure.get_size_inches()[0] if isinstance(axes.figure, Figure) else 1
    return 13 * (inches / across - 0.9)


def name_once(grid: Sequence[Axes]) -> None:
    """Leave names at the left of each row of panels and below each column of them, where all panels have the same."""
    for place, axes in enumerate(grid):
        spec = axes.get_subplotspec()
        across = spec.get_gridspec().ncols if spec else 1
        axes.tick_params(labelleft=place % across == 0, labelbottom=spec is None or spec.is_last_row())
