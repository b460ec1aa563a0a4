"""Gains over the reference: Δm with its spread, and task by task."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean, stdev
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fedhca.report.figures.canvas import Canvas, name_bars, on_one_scale
from fedhca.report.figures.heat import Heat, draw_heat
from fedhca.report.figures.lines import entitle
from fedhca.report.figures.style import Look
from fedhca.report.formatting import signed_spread
from fedhca.report.report_section import Cell, Drawing, Grid, ReportSection, verdict_cell
from fedhca.report.study import Study
from fedhca.report.verdict import Verdict

CAPTION = (
    "Δm against {reference}, paired by seed. An interval is of its method by itself; better and worse are by a t test "
    "at 5 % with Holm's correction for the number of methods in a setting. Seeds vary starts, shares and order; the "
    "test pictures and the federation stay the same."
)
Samples = Mapping[str, Mapping[str, Sequence[float]]]


def gains(study: Study) -> ReportSection | None:
    """Return both figures, or nothing where the reference, or anything beside it, is missing."""
    samples = delta_samples(study)
    if not samples:
        return None
    lead = f"Relative to {study.reference}, of the same setting and the same seed; positive is better."
    parts = (_bars(study, samples), _verdicts(study, samples), _by_task(study, samples))
    return ReportSection("gains", "Gains over training alone", lead, parts)


def delta_samples(study: Study) -> Samples:
    """Return Δm over the seeds by setting and method, without the reference."""
    found: dict[str, dict[str, list[float]]] = {}
    for setting, method in study.table.columns:
        values = list(study.table.gains(method, setting).values())
        if method != study.reference and values:
            found.setdefault(setting, {})[method] = values
    return found


def _bars(study: Study, samples: Samples) -> Drawing:
    words = "; ".join(
        f"{setting} {method} {signed_spread(values)} %".strip()
        for setting, methods in samples.items()
        for method, values in methods.items()
    )
    caption = "Δm of every method: mean, standard deviation (line) and single seeds (marks)."
    return Drawing("gains", partial(draw_gains, settings=samples, looks=study.looks), f"Δm: {words}.", caption)


def _verdicts(study: Study, samples: Samples) -> Grid:
    groups = [
        (setting, [_line(name, methods[name], each) for name, each in told.items()])
        for setting, methods in samples.items()
        if (told := study.table.verdicts(setting))
    ]
    head = ["method", "Δm %", "95 % interval", "verdict"]
    return Grid(CAPTION.format(reference=study.reference), head, groups, numeric=False)


def _line(method: str, values: Sequence[float], found: Verdict) -> list[Cell]:
    return [Cell(method), Cell(signed_spread(values)), Cell(found.interval), verdict_cell(found.word)]


def _by_task(study: Study, samples: Samples) -> Drawing:
    tasks = [" ".join(column) for column in study.table.shown]
    methods = list(dict.fromkeys(method for each in samples.values() for method in each))
    matrices = {
        setting: np.array([_gains_of(study, setting, method, samples) for method in methods]).T for setting in samples
    }
    best = {
        setting: np.unravel_index(np.nanargmax(matrix), matrix.shape)
        for setting, matrix in matrices.items()
        if np.isfinite(matrix).any()
    }
    words = "; ".join(
        f"{setting} largest {matrices[setting][r, c]:+.1f} %, {methods[c]} on {tasks[r]}".strip()
        for setting, (r, c) in best.items()
    )
    draw = partial(draw_task_gains, settings=matrices, tasks=tasks, methods=methods)
    caption = "Gain of each metric in percent, mean over seeds; blue is better than alone, orange worse."
    return Drawing("task-gains", draw, f"Gains task by task: {words}.", caption, shaded=True)


def _gains_of(study: Study, setting: str, method: str, samples: Samples) -> list[float]:
    if method not in samples[setting]:
        return [math.nan] * len(study.table.shown)
    found = study.table.task_gains(method, setting).values()
    return [fmean(values) if values else math.nan for values in found]


def draw_gains(canvas: Canvas, settings: Samples, looks: Mapping[str, Look]) -> Figure:
    """Draw one panel for each setting."""
    most = max(len(samples) for samples in settings.values())
    figure, grid = canvas.panels(len(settings), height=0.7 + 0.36 * most, columns=2)
    for axes, (setting, samples) in zip(grid, settings.items(), strict=True):
        entitle(axes, canvas, setting, "Δm %  → better")
        _method_bars(axes, canvas, samples, looks)
    on_one_scale(grid, "x")
    return figure


def _method_bars(axes: Axes, canvas: Canvas, samples: Mapping[str, Sequence[float]], looks: Mapping[str, Look]) -> None:
    theme = canvas.theme
    for place, (method, values) in enumerate(samples.items()):
        known = [value for value in values if math.isfinite(value)]
        if not known:
            continue
        axes.barh(place, fmean(known), height=0.62, color=looks[method].colour(theme), alpha=0.85, zorder=2)
        if len(known) > 1:
            axes.errorbar(fmean(known), place, xerr=stdev(known), color=theme.ink, capsize=3, linewidth=1.1, zorder=3)
        dots: Any = {"s": 17, "facecolor": theme.surface, "edgecolor": theme.ink, "linewidth": 0.9, "zorder": 4}
        axes.scatter(known, _fanned(place, len(known)), marker=looks[method].style(theme)["marker"], **dots)
    axes.set_yticks(
        range(len(samples)), [f"{method}\n{signed_spread(values)} %" for method, values in samples.items()], va="center"
    )
    axes.axvline(0, color=theme.ink, linewidth=0.9, zorder=3)
    axes.set_ylim(len(samples) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    name_bars(axes, canvas)


def _fanned(place: int, count: int) -> list[float]:
    """Spread dots of one bar over its height, so that equal ones do not cover each other."""
    step = 0.36 / max(1, count - 1)
    return [place + (index - (count - 1) / 2) * step for index in range(count)]


def draw_task_gains(
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
