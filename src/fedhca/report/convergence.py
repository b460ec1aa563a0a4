"""How many rounds earlier one run is as good as another is in the end."""

import math
from statistics import fmean

from fedhca.report.average import Series
from fedhca.report.runs import Run, pick
from fedhca.report.study import Study

FEW = 3
"""Evaluations below which nothing is fast or slow."""


def rounds_earlier(study: Study, setting: str) -> list[float]:
    """Return for each seed how many rounds earlier FedHCA² reaches the last value of the reference, mean over metrics.

    What is never reached counts as reached in the round after the last. Seeds with fewer than FEW evaluations are left
    out.
    """
    runs = study.of_setting(setting)
    ours, reference = ({run.seed: run for run in runs.get(each, [])} for each in (study.ours, study.reference))
    found = [_earlier(study, ours[seed], reference[seed]) for seed in ours if seed in reference]
    return [value for value in found if math.isfinite(value)]


def _earlier(study: Study, ours: Run, reference: Run) -> float:
    pairs = [(pick(ours.evaluations(), c), pick(reference.evaluations(), c), t) for c, t in study.table.shown.items()]
    if min(len(series) for *both, _ in pairs for series in both) < FEW:
        return math.nan
    return fmean(
        _reached(theirs, theirs[-1][1], task.higher_is_better) - _reached(mine, theirs[-1][1], task.higher_is_better)
        for mine, theirs, task in pairs
    )


def _reached(series: Series, goal: float, higher_is_better: bool) -> int:
    """Return the first round that is as good as the goal; the round after the last if none is."""
    reached = (number for number, value in series if (value >= goal if higher_is_better else value <= goal))
    return next(reached, series[-1][0] + 1)
