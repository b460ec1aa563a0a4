"""A folder of states: one file after every saved round, whole or not there; the last few of one line are kept."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from fedhca.errors import RunFolderError
from fedhca.storage.tensor_file import load_facts, load_tensors, require_whole, save_tensors

Taken = TypeVar("Taken")


class StateFolder:
    """Where a client, or the server, keeps what it must not lose.

    Args:
        folder: made when the first state is saved.
        owner: whose states they are; those of another are refused.
        kept: how many states: the newest, and those it came from one after the other. Two are one to go back to where
            the newest is broken; three where, after a crash, the newest may be of a round that is done again.

    """

    def __init__(self, folder: Path, owner: str, kept: int = 2) -> None:
        self.folder, self.owner, self.kept = folder, owner, kept

    def save(
        self,
        rounds: int,
        tensors: Mapping[str, Tensor],
        facts: Mapping[str, Any] | None = None,
        *,
        since: int | None = None,
    ) -> None:
        """Save the state after so many rounds, then drop those that are kept no longer.

        Args:
            rounds: done; at least 1.
            tensors: the state.
            facts: to be saved with it.
            since: after how many rounds the saved state was from which this one came; the one before it if not given,
                0 if it came from none.

        Raises:
            RunFolderError: the folder cannot be written, the disk is full, or the state from which this one came is
                gone; older states are as they were.

        """
        before = max((each for each in self.rounds() if each < rounds), default=0) if since is None else since
        if before and not self._path(before).exists():
            expected = f"'{self._path(before)}', from which the state after {rounds} rounds came, should still be there"
            raise RunFolderError(f"{expected}. Found no such file. Put the folder back, then resume.")
        own = {"owner": self.owner, "rounds": rounds, "since": before}
        save_tensors(self._path(rounds), tensors, {**own, **(facts or {})})
        for draft in self.folder.glob(".after-*"):  # of a process that was killed while it wrote
            draft.unlink(missing_ok=True)
        line = self._line(rounds)
        # Only states up to this one count: after a crash, later ones may lie here that the run went back behind.
        for each in [each for each in self.rounds() if each < rounds and line and each not in line]:
            self._path(each).unlink(missing_ok=True)

    def load(self, rounds: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Load the state after so many rounds.

        Raises:
            RunFolderError: it is not there, broken, or another owner's.

        """
        tensors, facts = load_tensors(self._path(rounds))
        self._refuse_others(facts, rounds)
        return tensors, facts

    def facts(self, rounds: int) -> dict[str, Any]:
        """Load the facts of that state without its tensors, which are not looked at; RunFolderError as in `load`."""
        facts = load_facts(self._path(rounds))
        self._refuse_others(facts, rounds)
        return facts

    def rounds(self) -> tuple[int, ...]:
        """Return after how many rounds each state is, from the oldest; broken ones count."""
        names = (path.stem.removeprefix("after-") for path in self.folder.glob("after-*.safetensors"))
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def whole(self) -> tuple[int, ...]:
        """Return after how many rounds each state is that can be loaded; a warning says which cannot."""
        return tuple(each for each in self.rounds() if self._is_whole(each))

    def newest(self, take: Callable[[int], Taken]) -> Taken | None:
        """Return what `take` makes of the newest state for which it raises no RunFolderError; a warning says which.

        None if there is no state, or only the very first, and that cannot be taken: the start is the state before it.

        Raises:
            RunFolderError: none can be taken; what was said of the newest.

        """
        rounds, failed = self.rounds(), None
        for each, before in reversed([*zip(rounds, (0, *rounds), strict=False)]):
            try:
                return take(each)
            except RunFolderError as error:
                failed = failed or error
                if before or each == 1:
                    instead = f"The state after {before} rounds" if before else "The start"
                    warnings.warn(f"{error} {instead} is taken instead.", stacklevel=2)
        if failed is None or rounds == (1,):
            return None
        raise failed

    def drop_after(self, rounds: int) -> None:
        """Drop the states after more rounds than these: the run goes on from here, and they led nowhere.

        Raises:
            RunFolderError: one cannot be removed.

        """
        for path in (self._path(each) for each in self.rounds() if each > rounds):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise RunFolderError(f"Cannot remove '{path}': {error.strerror}. Let it be written to.") from error

    def _line(self, rounds: int) -> list[int]:
        """Return the state and those it came from, as many as are kept; nothing if that cannot be told."""
        line = [rounds]
        try:
            while len(line) < self.kept and (since := self.facts(line[-1])["since"]):
                line.append(since)
        except (RunFolderError, KeyError):
            return []
        return line

    def _is_whole(self, rounds: int) -> bool:
        try:
            require_whole(self._path(rounds))
            self.facts(rounds)
        except RunFolderError as error:
            warnings.warn(str(error), stacklevel=3)
            return False
        return True

    def _refuse_others(self, facts: Mapping[str, Any], rounds: int) -> None:
        if (facts.get("owner"), facts.get("rounds")) != (self.owner, rounds):
            expected = f"the state of '{self.owner}' after {rounds} rounds"
            found = f"Found that of {facts.get('owner')!r}."
            raise RunFolderError(f"'{self._path(rounds)}' should hold {expected}. {found}")

    def _path(self, rounds: int) -> Path:
        return self.folder / f"after-{rounds:06d}.safetensors"
