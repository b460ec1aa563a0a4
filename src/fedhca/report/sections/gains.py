"""Gains over the reference: Δm with its spread, and task by task."""

import math
from functools import partial
from statistics import fmean

import numpy as np

from fedhca.report.figures.gains import gains as draw_gains
from fedhca.report.figures.task_gains import task_gains
from fedhca.report.notation import signed_spread
from fedhca.report.section import Cell, Drawing, Grid, Section, verdict_cell
from fedhca.report.study import Study
from fedhca.report.verdict import Verdict

CAPTION = (
    "Δm against {reference}, paired by seed. An interval is of its method by itself; better and worse are by a t test "
    "at 5 % with Holm's correction for the number of methods in a setting. Seeds vary starts, shares and order; the "
    "test pictures and the federation stay the same."
)
Samples = dict[str, dict[str, list[float]]]


def gains(study: Study) -> Section | None:
    """Return both figures, or nothing where the reference, or anything beside it, is missing."""
    samples = delta_samples(study)
    if not samples:
        return None
    lead = f"Relative to {study.reference}, of the same setting and the same seed; positive is better."
    parts = (_bars(study, samples), _verdicts(study, samples), _by_task(study, samples))
    return Section("gains", "Gains over training alone", lead, parts)


def delta_samples(study: Study) -> Samples:
    """Return Δm over the seeds by setting and method, without the reference."""
    found: Samples = {}
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


def _line(method: str, values: list[float], found: Verdict) -> list[Cell]:
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
    draw = partial(task_gains, settings=matrices, tasks=tasks, methods=methods)
    caption = "Gain of each metric in percent, mean over seeds; blue is better than alone, orange worse."
    return Drawing("task-gains", draw, f"Gains task by task: {words}.", caption, shaded=True)


def _gains_of(study: Study, setting: str, method: str, samples: Samples) -> list[float]:
    if method not in samples[setting]:
        return [math.nan] * len(study.table.shown)
    found = study.table.task_gains(method, setting).values()
    return [fmean(values) if values else math.nan for values in found]
