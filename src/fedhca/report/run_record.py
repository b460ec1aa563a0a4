"""One run as the report reads it: its journal, by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from fedhca.errors import RunFolderError
from fedhca.experiment.compare import Entry
from fedhca.experiment.drive import CHECKPOINTS, JOURNAL
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.report.average import Series
from fedhca.report.result import Column, Result

SQUARE = ("mixing", "gram")
"""Notes that say something of every pair."""


@dataclass(frozen=True)
class Run:
    """A run, finished or not.

    Attributes:
        entry: its setting, method, seed and folder.
        journal: its rounds, read once.

    """

    entry: Entry
    journal: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, entry: Entry) -> "Run":
        """Read the journal of an entry."""
        return cls(entry, tuple(entry.folder.journal))

    @property
    def setting(self) -> str:
        """The federation it is of."""
        return self.entry.setting

    @property
    def method(self) -> str:
        """What its method is called."""
        return self.entry.method

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.entry.seed

    @property
    def folder(self) -> RunFolder:
        """Where it is."""
        return self.entry.folder

    @property
    def recipe(self) -> Recipe:
        """What it was asked to do."""
        return self.folder.recipe

    @property
    def done(self) -> int:
        """Rounds done."""
        return int(self.journal[-1]["round"]) if self.journal else 0

    @property
    def finished(self) -> bool:
        """Whether all rounds are in the journal; checkpoints need not be there."""
        return self.done >= self.recipe.rounds

    @property
    def saved(self) -> bool:
        """Whether there is a checkpoint to predict from."""
        return any((self.folder.path / CHECKPOINTS).glob("after-*.safetensors"))

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"{self.setting} {self.method} seed {self.seed}".strip()

    @property
    def datasets(self) -> dict[str, str]:
        """The data set of each client."""
        return {client.name: client.dataset for client in self.recipe.roster}

    @property
    def decoders(self) -> list[tuple[str, str]]:
        """Client and task of each decoder, in the order of the mixing matrix."""
        return [(client.name, task) for client in self.recipe.roster for task in client.tasks]

    @property
    def families(self) -> dict[str, list[dict[str, Any]]]:
        """Clients by architecture of encoders, and of decoders, where there are several."""
        return self.journal[0].get("families", {}) if self.journal else {}

    def evaluations(self) -> list[tuple[int, Result]]:
        """Return the metrics of every round that was evaluated."""
        lines = [line for line in self.journal if line.get("metrics")]
        return [(line["round"], self._result(line["metrics"])) for line in lines]

    def losses(self) -> list[tuple[int, Result]]:
        """Return the training losses of every round."""
        return [(line["round"], self._result(line["losses"])) for line in self.journal if line.get("losses")]

    def _result(self, values: Mapping[str, Mapping[str, float | None]]) -> Result:
        plain = {
            client: {task: math.nan if value is None else float(value) for task, value in tasks.items()}
            for client, tasks in values.items()
        }
        return Result.of(self.method, self.seed, plain, self.datasets, self.setting)

    def notes(self, side: str, name: str) -> list[tuple[int, Float[np.ndarray, "..."]]]:
        """Return what the rule of `encoder` or `decoder` noted under a name, round by round; null becomes NaN.

        Raises:
            RunFolderError: a note is no table of numbers with a row for each encoder or decoder.

        """
        lines = [line for line in self.journal if line.get(side, {}).get(name) is not None]
        return [(line["round"], self._note(line, side, name)) for line in lines]

    def _note(self, line: Mapping[str, Any], side: str, name: str) -> Float[np.ndarray, "..."]:
        count = len(self.datasets if side == "encoder" else self.decoders)
        try:
            found = np.array(line[side][name], dtype=float)
        except (TypeError, ValueError):
            found = np.empty(0)
        if found.shape[:1] != (count,) or found.ndim > 2 or (name in SQUARE and found.shape != (count, count)):
            expected = f"`{side}.{name}` should be numbers with a row for each of {count}"
            where = f"'{self.folder.path / JOURNAL}', round {line['round']}"
            raise RunFolderError(f"{where}: {expected}. Found another shape. Restore it from a copy.")
        return found


def pick(evaluations: list[tuple[int, Result]], column: Column) -> Series:
    """Return one metric against rounds."""
    return [(number, result.values[column]) for number, result in evaluations if column in result.values]
