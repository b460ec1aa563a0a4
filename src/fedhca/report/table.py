"""The table of a comparison: every metric and Δm, mean ± standard deviation over seeds."""

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedhca.report.gain import delta_m
from fedhca.tasks.task import Task

Column = tuple[str, str]
"""Data set and task; Δm weighs every such pair the same."""


@dataclass(frozen=True)
class Result:
    """One run's metrics by data set and task: clients of one pair enter as their mean."""

    method: str
    seed: int
    values: Mapping[Column, float]

    @classmethod
    def of(
        cls, method: str, seed: int, metrics: Mapping[str, Mapping[str, float]], datasets: Mapping[str, str]
    ) -> "Result":
        """Average the clients of each pair; `datasets` gives each client's data set."""
        found: dict[Column, list[float]] = {}
        for client, tasks in metrics.items():
            for task, value in tasks.items():
                found.setdefault((datasets[client], task), []).append(value)
        return cls(method, seed, {column: statistics.fmean(values) for column, values in found.items()})


@dataclass(frozen=True)
class Table:
    """Metrics in lines, methods in columns, Δm against the reference last.

    Attributes:
        results: of all runs; every method on the same seeds.
        tasks: the task of each column, for names, units and directions.
        reference: the method Δm is against; no Δm where it is not among the results.

    """

    results: Sequence[Result]
    tasks: Mapping[Column, Task]
    reference: str = "local"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the results."""
        return tuple(dict.fromkeys(result.method for result in self.results))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(sorted({result.seed for result in self.results}))

    @property
    def head(self) -> list[str]:
        """The head of the table: the methods."""
        return ["", *self.methods]

    @property
    def names(self) -> list[str]:
        """Names of the lines, with the direction that is better."""
        lines = [f"{data} {name} {task.metric} {_arrow(task)}" for (data, name), task in self.tasks.items()]
        return [*lines, "Δm % ↑"] if self.reference in self.methods else lines

    def samples(self, method: str) -> list[list[float]]:
        """Return for each column the values over the seeds; Δm is of each seed against the reference of that seed."""
        mine = {result.seed: result.values for result in self.results if result.method == method}
        columns = [[mine[seed][column] for seed in self.seeds if seed in mine] for column in self.tasks]
        reference = {result.seed: result.values for result in self.results if result.method == self.reference}
        if not reference:
            return columns
        return [*columns, [self._gain(mine[seed], reference[seed]) for seed in self.seeds if seed in mine]]

    def _gain(self, values: Mapping[Column, float], reference: Mapping[Column, float]) -> float:
        """Return Δm; NaN where the reference reached 0, as no gain is relative to nothing."""
        if 0 in reference.values():
            return math.nan
        return delta_m(values, reference, {column: task.higher_is_better for column, task in self.tasks.items()})

    def rows(self) -> list[list[str]]:
        """Return one line per metric, Δm last: mean ± standard deviation where there are several seeds."""
        columns = [[_spread(values) for values in self.samples(method)] for method in self.methods]
        return [[name, *cells] for name, cells in zip(self.names, zip(*columns, strict=True), strict=True)]

    def markdown(self) -> str:
        """Return the table as Markdown, with a line on how to read it."""
        head = self.head
        lines = [head, ["---", *["---:"] * len(self.methods)], *self.rows()]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{self.caption}\n"

    @property
    def caption(self) -> str:
        """How to read the table."""
        seeds = ", ".join(map(str, self.seeds))
        spread = "mean ± standard deviation over" if len(self.seeds) > 1 else "one seed:"
        sign = "Δm: mean relative gain over `local`, positive is better. " if self.reference in self.methods else ""
        return f"{sign}↑ higher is better, ↓ lower is better; {spread} seeds {seeds}."

    def csv(self) -> str:
        """Return every value of every seed as CSV, one line a method, seed and column, unrounded."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["method", "seed", "dataset", "task", "metric", "unit", "higher_is_better", "value"])
        for result in self.results:
            for (dataset, name), task in self.tasks.items():
                fixed = [dataset, name, task.metric, task.unit, task.higher_is_better]
                writer.writerow([result.method, result.seed, *fixed, result.values[dataset, name]])
        if self.reference in self.methods:
            for method in self.methods:
                seeds = [result.seed for result in self.results if result.method == method]
                for seed, gain in zip(sorted(seeds), self.samples(method)[-1], strict=True):
                    writer.writerow([method, seed, "all", "all", "delta_m", "%", True, gain])
        return text.getvalue()


def _arrow(task: Task) -> str:
    return "↑" if task.higher_is_better else "↓"


def _spread(values: Sequence[float]) -> str:
    if not all(map(math.isfinite, values)):
        return "nan"  # not measured in some run; what was is in the CSV
    mean = statistics.fmean(values)
    digits = 4 if 0 < abs(mean) < 1 else 2
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {statistics.stdev(values):.{digits}f}"
