"""The table of a comparison: every metric and Δm, mean ± standard deviation over seeds."""

import csv
import io
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fedhca.report.formatting import digits, spread
from fedhca.report.gain import delta_m, per_task_gain
from fedhca.report.rank import ranks
from fedhca.report.result import Column, Result
from fedhca.report.verdict import Verdict, verdict_words, verdicts
from fedhca.tasks.task import Task

GAIN = "Δm % ↑"
FIELDS = ("setting", "method", "seed", "dataset", "task", "metric", "unit", "higher_is_better", "value")
"""Of a record."""


@dataclass(frozen=True)
class Table:
    """Metrics in lines, methods in columns, Δm against the reference last.

    Where there are several settings, columns are settings × methods, and lines the metrics that all have: Δm of two
    settings can be compared only over the same metrics. Where they share none, each has its own.

    Attributes:
        results: of all runs.
        tasks: the task of each metric, for names, units and directions.
        reference: the method Δm is against, in the same setting on the same seed; no Δm where it is not among them.
        apart: setting and method of columns that have neither a rank nor a verdict, such as those of unfinished runs.

    """

    results: Sequence[Result]
    tasks: Mapping[Column, Task]
    reference: str = "local"
    apart: Collection[tuple[str, str]] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the results."""
        return tuple(dict.fromkeys(result.method for result in self.results))

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings, in the order of the results."""
        return tuple(dict.fromkeys(result.setting for result in self.results))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(sorted({result.seed for result in self.results}))

    @cached_property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Setting and method of each column."""
        there = {(result.setting, result.method) for result in self.results}
        return tuple((s, m) for s in self.settings for m in self.methods if (s, m) in there)

    @cached_property
    def shown(self) -> dict[Column, Task]:
        """The metrics that all results have; all metrics, where they share none."""
        common = {column: task for column, task in self.tasks.items() if all(column in r.values for r in self.results)}
        return common or dict(self.tasks)

    @property
    def has_gain(self) -> bool:
        """Whether the reference is among the methods."""
        return self.reference in self.methods

    @property
    def head(self) -> list[str]:
        """The head of the table: the methods, after their setting where there are several."""
        return ["", *(f"{setting} {method}".strip() for setting, method in self.columns)]

    @property
    def names(self) -> list[str]:
        """Names of the lines, with the direction that is better."""
        lines = [f"{data} {name} {task.metric} {arrow(task)}" for (data, name), task in self.shown.items()]
        return [*lines, GAIN] if self.has_gain else lines

    def samples(self, method: str, setting: str | None = None) -> list[list[float]]:
        """Return for each line the values over the seeds; Δm is of each seed against the reference of that seed."""
        runs = self._runs(method, setting)
        lines = [[result.values.get(column, math.nan) for result in runs.values()] for column in self.shown]
        return [*lines, list(self.gains(method, setting).values())] if self.has_gain else lines

    def gains(self, method: str, setting: str | None = None) -> dict[int, float]:
        """Return Δm by seed; NaN where the reference reached 0, as no gain is relative to nothing."""
        return {seed: self._gain(*pair) for seed, pair in self._beside_reference(method, setting).items()}

    def verdicts(self, setting: str) -> dict[str, Verdict]:
        """Return the verdict on Δm of each method of a setting against the reference, of those that were measured."""
        if not self.has_gain or (setting, self.reference) in self.apart:
            return {}
        gains = {
            method: list(self.gains(method, setting).values())
            for own, method in self.columns
            if own == setting and method != self.reference and (own, method) not in self.apart
        }
        known = {method: values for method, values in gains.items() if values and all(map(math.isfinite, values))}
        return dict(zip(known, verdicts([*known.values()]), strict=True))

    def task_gains(self, method: str, setting: str | None = None) -> dict[Column, list[float]]:
        """Return the gain in percent of each metric over the seeds."""
        found: dict[Column, list[float]] = {column: [] for column in self.shown}
        for mine, other in self._beside_reference(method, setting).values():
            for column, task in self.shown.items():
                value, reference = mine.values.get(column, math.nan), other.values.get(column, math.nan)
                one = {column: value}, {column: reference}, {column: task.higher_is_better}
                found[column].append(100 * per_task_gain(*one)[column] if reference else math.nan)
        return found

    def _runs(self, method: str, setting: str | None) -> dict[int, Result]:
        where = self.settings[0] if setting is None else setting
        found = {result.seed: result for result in self.results if (result.method, result.setting) == (method, where)}
        return dict(sorted(found.items()))

    def _beside_reference(self, method: str, setting: str | None) -> dict[int, tuple[Result, Result]]:
        reference = self._runs(self.reference, setting)
        return {seed: (run, reference[seed]) for seed, run in self._runs(method, setting).items() if seed in reference}

    def _gain(self, mine: Result, reference: Result) -> float:
        """Return Δm over the metrics shown that both have."""
        columns = [column for column in self.shown if column in mine.values and column in reference.values]
        values = {column: mine.values[column] for column in columns}
        others = {column: reference.values[column] for column in columns}
        if not columns or 0 in others.values():
            return math.nan
        return delta_m(values, others, {column: self.shown[column].higher_is_better for column in columns})

    def lines(self) -> list[list[list[float]]]:
        """Return for each line the samples of each column."""
        columns = [self.samples(method, setting) for setting, method in self.columns]
        return [list(line) for line in zip(*columns, strict=True)]

    def decimals(self) -> list[int]:
        """Return how many decimals each line is written with, Δm two."""
        tasks: list[Task | None] = [*self.shown.values(), *([None] if self.has_gain else [])]
        return [
            digits(task.unit, [value for samples in line for value in samples]) if task else 2
            for task, line in zip(tasks, self.lines(), strict=True)
        ]

    def rows(self) -> list[list[str]]:
        """Return one line per metric, Δm last: mean ± standard deviation where there are several seeds."""
        return [
            [name, *(spread(samples, decimals) for samples in line)]
            for name, line, decimals in zip(self.names, self.lines(), self.decimals(), strict=True)
        ]

    def ranked(self) -> list[list[int]]:
        """Return the place of each cell's mean among the methods of its setting: 1 best, 2 second best, 0 others."""
        upward = [*(task.higher_is_better for task in self.shown.values()), True]
        found = []
        for line, decimals, higher in zip(self.lines(), self.decimals(), upward, strict=False):
            means = [round(statistics.fmean(cell), decimals) if cell else math.nan for cell in line]
            places: list[int] = []
            for setting in self.settings:
                mine = [
                    math.nan if column in self.apart else mean
                    for mean, column in zip(means, self.columns, strict=True)
                    if column[0] == setting
                ]
                places += ranks(mine, higher)
            found.append(places)
        return found

    def markdown(self) -> str:
        """Return the table as Markdown, the best of each line in bold, with a line on how to read it."""
        body = [
            [name, *(f"**{cell}**" if place == 1 else cell for cell, place in zip(cells, places, strict=True))]
            for (name, *cells), places in zip(self.rows(), self.ranked(), strict=True)
        ]
        lines = [self.head, ["---", *["---:"] * len(self.columns)], *body]
        bold = "**Bold**: best mean of its line. " if any(1 in places for places in self.ranked()) else ""
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{bold}{self.caption}\n"

    @property
    def caption(self) -> str:
        """How to read the table."""
        seeds = ", ".join(map(str, self.seeds))
        measure = "mean ± standard deviation over" if len(self.seeds) > 1 else "one seed:"
        sign = f"Δm: mean relative gain over `{self.reference}`, positive is better. " if self.has_gain else ""
        gains = [gain for setting, method in self.columns for gain in self.gains(method, setting).values()]
        if not all(map(math.isfinite, gains)):
            sign += f"nan: a metric is 0 under `{self.reference}`, or has no value. "
        words = f"{sign}↑ higher is better, ↓ lower is better; {measure} seeds {seeds}."
        return " ".join([words, *self._told()])

    def _told(self) -> list[str]:
        """Say of each setting which methods are better, worse and not told apart."""
        found = {setting: self.verdicts(setting) for setting in self.settings}
        return [
            f"{setting or 'Δm'} against `{self.reference}`: {verdict_words(each)}."
            for setting, each in found.items()
            if each
        ]

    def records(self) -> list[dict[str, Any]]:
        """Return every value of every seed, one record a setting, method, seed and metric, unrounded; Δm last."""
        found: list[list[Any]] = []
        for result in self.results:
            for (dataset, name), task in self.tasks.items():
                if (dataset, name) in result.values:
                    fixed = [dataset, name, task.metric, task.unit, task.higher_is_better]
                    value = result.values[dataset, name]
                    found.append([result.setting, result.method, result.seed, *fixed, value])
        for setting, method in self.columns if self.has_gain else ():
            for seed, gain in self.gains(method, setting).items():
                found.append([setting, method, seed, "all", "all", "delta_m", "%", True, gain])
        return [dict(zip(FIELDS, values, strict=True)) for values in found]

    def csv(self) -> str:
        """Return the records as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records())
        return text.getvalue()


def arrow(task: Task) -> str:
    """Return which way is better."""
    return "↑" if task.higher_is_better else "↓"


def unit_of(task: Task) -> str:
    """Return the unit as a printer would set it."""
    return "°" if task.unit == "degrees" else task.unit
