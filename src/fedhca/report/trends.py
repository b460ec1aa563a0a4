"""Trends of the paper's figures, asked of the journals: what was measured, and whether the trend holds."""

import math
from collections.abc import Callable
from functools import partial
from statistics import fmean

import numpy as np

from fedhca.report.average import Series, average
from fedhca.report.result import Column
from fedhca.report.runs import Run, pick
from fedhca.report.study import Study

SEVERAL = 2
FEW = 3
"""Evaluations below which nothing is fast or slow."""
Curve = tuple[list[int], list[float]]
NOWHERE: Curve = ([], [])
STEADY = 0.9
"""Share of rounds in which something that rises throughout must not fall."""
Finding = tuple[str, bool | None]
"""What was measured, and whether the trend holds; None where it was not measured."""


def faster_and_better(study: Study, setting: str) -> Finding:
    """Count metrics that reach the reference's last value before the reference does, and those that end best."""
    verdicts = [_race(study, setting, column) for column in study.table.shown]
    known = [verdict for verdict in verdicts if verdict]
    if not known:
        return "fewer than three evaluations", None
    early, best = (sum(each) for each in zip(*known, strict=True))
    words = (
        f"earlier at the last value of {study.reference} on {early} of {len(known)} metrics; best at the end on {best}"
    )
    return words, min(early, best) >= SEVERAL


def _race(study: Study, setting: str, column: Column) -> tuple[bool, bool] | None:
    """Return whether one metric is early, and best at the end; None where there are too few evaluations."""
    sign = 1 if study.table.shown[column].higher_is_better else -1
    runs = study.of_setting(setting)
    curves = {method: _curve(each, partial(_series, column), sign) for method, each in runs.items()}
    ours, reference = curves.get(study.ours, NOWHERE), curves.get(study.reference, NOWHERE)
    if min(len(ours[0]), len(reference[0])) < FEW:
        return None
    goal = reference[1][-1]
    best = max(mean[-1] for _, mean in curves.values() if mean)
    return _reached(ours, goal) < _reached(reference, goal), ours[1][-1] == best


def alpha_of_single(study: Study, setting: str) -> Finding:
    """Ask whether α of every single-task client rises, in nearly all rounds."""
    found = _alphas(study, setting, several=False)
    if not found:
        return "no α of a single-task client", None
    rising = sum(bool(mean[-1] > mean[0] and np.mean(np.diff(mean) >= 0) >= STEADY) for _, mean in found)
    first, last = fmean(mean[0] for _, mean in found), fmean(mean[-1] for _, mean in found)
    return f"{rising} of {len(found)} rise; mean α {first:.3f} → {last:.3f}", rising == len(found)


def alpha_of_multi(study: Study, setting: str) -> Finding:
    """Ask whether α of every multi-task client has its peak before the last round and falls after it."""
    found = _alphas(study, setting, several=True)
    if not found:
        return "no α of a multi-task client", None
    peaks = [int(np.argmax(mean)) for _, mean in found]
    fell = [0 < peak < len(mean) - 1 for peak, (_, mean) in zip(peaks, found, strict=True)]
    rounds = ", ".join(f"{x[peak]}" for peak, (x, _) in zip(peaks, found, strict=True))
    return f"peak in round {rounds} of {found[0][0][-1]}", all(fell)


def beta_next_to_head(study: Study, setting: str) -> Finding:
    """Ask whether the last layer has the least β of all, mean over decoders, in the last round."""
    last = [
        np.nanmean(_by_the_head(notes[-1][1]), axis=0)
        for run in _ours(study, setting)
        if (notes := run.notes("decoder", "beta"))
    ]
    if not last:
        return "no β", None
    layers = np.nanmean(last, axis=0)
    if len(layers) < 2:
        return "one layer only", None
    words = f"β of it {layers[-1]:.3f}, of the other layers {layers[:-1].min():.3f} to {layers[:-1].max():.3f}"
    return words, bool(layers[-1] < layers[:-1].min())


def _by_the_head(values: np.ndarray) -> np.ndarray:
    """Move the layers of decoders that have fewer of them than others to the end of the row: next to the head."""
    return np.array([np.roll(row, np.count_nonzero(np.isnan(row))) for row in values])


def beta_of_multi(study: Study, setting: str) -> Finding:
    """Ask whether β of the multi-task client's decoders is at the end no less than at the start."""
    several = {client.name for client in study.clients(setting) if len(client.tasks) > 1}
    series = []
    for run in _ours(study, setting):
        rows = [k for k, (client, _) in enumerate(run.decoders) if client in several]
        series.append(
            [(number, float(np.nanmean(values[rows]))) for number, values in run.notes("decoder", "beta") if rows]
        )
    _, mean, _ = average(series)
    if len(mean) < 2:
        return "no β of a multi-task client", None
    return f"mean β {mean[0]:.3f} → {mean[-1]:.3f}", mean[-1] >= mean[0]


def _ours(study: Study, setting: str) -> list[Run]:
    return study.of_setting(setting).get(study.ours, [])


def _curve(runs: list[Run], series: Callable[[Run], Series], sign: int) -> Curve:
    """Return rounds and means, turned so that higher is better."""
    rounds, mean, _ = average([series(run) for run in runs])
    return rounds, [sign * value for value in mean]


def _series(column: Column, run: Run) -> Series:
    return pick(run.evaluations(), column)


def _reached(curve: Curve, goal: float) -> float:
    """Return the first round that is as good as the goal; infinity if none is."""
    return next((float(number) for number, value in zip(*curve, strict=True) if value >= goal), math.inf)


def _alphas(study: Study, setting: str, *, several: bool) -> list[Curve]:
    """Return α against rounds of each multi-task, or each single-task, client; mean over seeds."""
    found = []
    for place, client in enumerate(study.clients(setting)):
        if (len(client.tasks) > 1) == several:
            series = [
                [(number, values[place]) for number, values in run.notes("encoder", "alpha")]
                for run in _ours(study, setting)
            ]
            rounds, mean, _ = average(series)
            if len(mean) > 1:
                found.append((rounds, mean))
    return found
