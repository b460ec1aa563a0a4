"""How many rounds earlier one method is as good as the reference is in the end."""

import math
from statistics import fmean

from fedhca.report.runs import Run, pick
from fedhca.report.study import Study

FEW = 3
"""Evaluations below which nothing is fast or slow."""


def rounds_earlier(study: Study, setting: str, rival: str) -> list[float]:
    """Return for each seed by how many rounds FedHCA² is earlier than a rival at the last values of the reference.

    The mean over metrics. What is never reached counts as reached in the round after the last.
    """
    runs = study.of_setting(setting)
    ours, theirs, goals = (
        {run.seed: run for run in runs.get(name, [])} for name in (study.ours, rival, study.reference)
    )
    seeds = sorted(ours.keys() & theirs.keys() & goals.keys())
    found = [_reached(study, theirs[k], goals[k]) - _reached(study, ours[k], goals[k]) for k in seeds]
    return [value for value in found if math.isfinite(value)]


def _reached(study: Study, run: Run, reference: Run) -> float:
    """Return the round in which a run is as good as the reference at its end; NaN after fewer than FEW evaluations."""
    rounds = []
    for column, task in study.table.shown.items():
        series, goals = (pick(each.evaluations(), column) for each in (run, reference))
        if min(len(series), len(goals)) >= FEW:
            sign, goal = (1 if task.higher_is_better else -1), goals[-1][1]
            rounds.append(next((number for number, value in series if sign * (value - goal) >= 0), series[-1][0] + 1))
    return fmean(rounds) if rounds else math.nan
