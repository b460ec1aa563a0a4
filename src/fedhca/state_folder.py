"""A folder of states: one file after every saved round, whole or not there, the last two kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.errors import RunFolderError
from fedhca.tensor_file import load_facts, load_tensors, save_tensors

KEPT = 2
"""The newest, and the one before: after a crash the other side of the federation may be one save behind."""


class StateFolder:
    """Where a client, or the server, keeps what it must not lose.

    Args:
        folder: made when the first state is saved.
        owner: whose states they are; those of another are refused.

    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder, self.owner = folder, owner

    def save(
        self, rounds: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None, keep: int = 0
    ) -> None:
        """Save the state after so many rounds, then drop those no longer needed; `keep` says one that still is.

        Raises:
            RunFolderError: the folder cannot be written, or the disk is full; older states are as they were.

        """
        save_tensors(self._path(rounds), tensors, {"owner": self.owner, "rounds": rounds, **(facts or {})})
        for draft in self.folder.glob(".after-*"):  # of a process that was killed while it wrote
            draft.unlink(missing_ok=True)
        # Only states up to this one count: after a crash, later ones may lie here that the run went back behind.
        for path in [path for path in self._paths() if path <= self._path(rounds)][:-KEPT]:
            if path != self._path(keep):
                path.unlink(missing_ok=True)

    def load(self, rounds: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Load the state after so many rounds.

        Raises:
            RunFolderError: it is not there, broken, or another owner's.

        """
        tensors, facts = load_tensors(self._path(rounds))
        self._refuse_others(facts, rounds)
        return tensors, facts

    def facts(self, rounds: int) -> dict[str, Any]:
        """Load the facts of that state without its tensors; RunFolderError as in `load`."""
        facts = load_facts(self._path(rounds))
        self._refuse_others(facts, rounds)
        return facts

    def latest(self) -> int:
        """Return after how many rounds the newest state is; 0 if there is none."""
        paths = self._paths()
        return int(paths[-1].stem.removeprefix("after-")) if paths else 0

    def _refuse_others(self, facts: Mapping[str, Any], rounds: int) -> None:
        if (facts.get("owner"), facts.get("rounds")) != (self.owner, rounds):
            expected = f"the state of '{self.owner}' after {rounds} rounds"
            raise RunFolderError(
                f"'{self._path(rounds)}' should hold {expected}. Found that of {facts.get('owner')!r}."
            )

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("after-*.safetensors"))

    def _path(self, rounds: int) -> Path:
        return self.folder / f"after-{rounds:06d}.safetensors"
