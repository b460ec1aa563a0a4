"""What a run came to: its metrics by data set and task."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

Column = tuple[str, str]
"""Data set and task; Δm weighs every such pair the same."""


@dataclass(frozen=True)
class Result:
    """One run's metrics by data set and task: clients of one pair enter as their mean.

    Attributes:
        method: of the run.
        seed: of the run.
        values: its metrics.
        setting: the federation it is of, where there are several.

    """

    method: str
    seed: int
    values: Mapping[Column, float]
    setting: str = ""

    @classmethod
    def of(
        cls,
        method: str,
        seed: int,
        metrics: Mapping[str, Mapping[str, float]],
        datasets: Mapping[str, str],
        setting: str = "",
    ) -> "Result":
        """Average the clients of each pair; `datasets` gives each client's data set."""
        found: dict[Column, list[float]] = {}
        for client, tasks in metrics.items():
            for task, value in tasks.items():
                found.setdefault((datasets[client], task), []).append(value)
        return cls(method, seed, {column: statistics.fmean(values) for column, values in found.items()}, setting)
