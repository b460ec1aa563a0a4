"""Draw what conflict-averse aggregation does in two dimensions: `python docs/figures/conflict.py` writes conflict.svg.

Three updates of two numbers; arrows, gains and the trust region are what `fedhca.conflict_averse` answers for them.
"""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from press import HERE, WIDTH, press

from fedhca import conflict_averse
from fedhca.report.figures.theme import Theme

UPDATES = torch.tensor([[1.6, 0.5], [1.3, -0.35], [-0.55, 0.75]])
"""What three clients changed: two that nearly agree, and one that wants something else."""
NAMES = ("client 1", "client 2", "client 3")
C = 0.8
"""Radius of the trust region, in lengths of the mean."""


def draw(theme: Theme) -> Figure:
    """Draw the updates with both directions, and what each client gains from either."""
    mean, averse = UPDATES.mean(0), conflict_averse(UPDATES, C, rescale=False)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    plane, bars = figure.subplots(1, 2, width_ratios=(1.45, 1))
    _plane(plane, theme, mean, averse)
    _gains(bars, theme, mean, averse)
    return figure


def _plane(axes: Axes, theme: Theme, mean: torch.Tensor, averse: torch.Tensor) -> None:
    radius = C * float(mean.norm())
    axes.add_patch(Circle(mean.tolist(), radius, facecolor=theme.raised, edgecolor=theme.rule, zorder=0))
    corner = float(mean[0]) + 0.75 * radius, float(mean[1]) + 0.8 * radius
    axes.text(*corner, "trust region", color=theme.muted, size=8.5)
    for update, name in zip(UPDATES, NAMES, strict=True):
        _arrow(axes, update, theme.muted, name, 1.3)
    _arrow(axes, mean, theme.hues[1], "mean", 2.4)
    _arrow(axes, averse, theme.hues[0], "conflict-averse", 2.4)
    axes.set_title("Three updates, two ways to put them together")
    axes.set(xlim=(-0.95, 2.15), ylim=(-0.7, 1.2), aspect="equal", xticks=[], yticks=[])
    axes.axhline(0, color=theme.rule, linewidth=0.8, zorder=1)
    axes.axvline(0, color=theme.rule, linewidth=0.8, zorder=1)
    axes.spines[:].set_visible(False)


def _arrow(axes: Axes, tip: torch.Tensor, colour: str, name: str, width: float) -> None:
    x, y = tip.tolist()
    shape = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
    axes.annotate("", (x, y), (0, 0), arrowprops=shape)
    side = "left" if x > 0 else "center"
    beside = (5 if x > 0 else 0, -13 if name == "mean" else 3 if x > 0 else 7)
    axes.annotate(name, (x, y), beside, textcoords="offset points", color=colour, ha=side)


def _gains(axes: Axes, theme: Theme, mean: torch.Tensor, averse: torch.Tensor) -> None:
    for shift, direction, colour in ((-0.19, mean, theme.hues[1]), (0.19, averse, theme.hues[0])):
        gained = (UPDATES @ direction).numpy()
        axes.barh(np.arange(3) + shift, gained, height=0.34, color=colour)
        for place, value in enumerate(gained):
            side = "left" if value >= 0 else "right"
            beside, text = (4 if value >= 0 else -4, 0), f"{value:+.2f}".replace("-", "−")
            style = {"va": "center", "ha": side, "color": theme.ink, "size": 8.5}
            axes.annotate(text, (value, place + shift), beside, textcoords="offset points", **style)
    axes.set_yticks(range(3), NAMES, color=theme.ink)
    axes.set(ylim=(2.6, -0.6), xlim=(-0.6, 1.75), xticks=[])
    axes.set_title("What each gains")
    axes.axvline(0, color=theme.muted, linewidth=0.9)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    press(draw, HERE / "conflict.svg")
