"""How many answers a client has given: ε counts every one, whether it counted for the server or not."""

import json
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from fedhca.config.federation import Privacy
from fedhca.errors import RunFolderError
from fedhca.storage.atomic import write_atomically
from fedhca.storage.state_folder import StateFolder

FILE, ANSWERS = "privacy.json", "answers"
"""The file with the count, and what the count is called there and in the facts of a client's states."""
MEND = "Restore it: the count is what ε is computed from."


class Ledger:
    """Count a private client's answers; the count is on the disk before an answer leaves, and never goes back.

    A round that is done again after a crash is an answer more: the first may have been seen. Several processes can
    count in one file. A client's saved states bear the count of their time, so a file that counts less is refused.

    Args:
        privacy: of the client.
        client: its name.
        folder: where its state is saved; the count is in memory alone if not given.

    """

    def __init__(self, privacy: Privacy, client: str, folder: Path | None = None) -> None:
        self.privacy = privacy
        self.path = None if folder is None else folder / FILE
        self.states = None if folder is None else StateFolder(folder, client)
        self.facts = {"client": client, "clip": privacy.clip, "noise": privacy.noise}
        self.answers = 0

    def count(self) -> int:
        """Write down one answer more, and return how many they are; to be done before data are looked at.

        Raises:
            RunFolderError: the file cannot be read or written, is broken, counts answers of another kind, or fewer
                than the client's states tell of.

        """
        with nullcontext() if self.path is None else _locked(self.path):
            answers = max(self.answers, self._written())
            least = self._least()
            if answers < least:
                expected = f"'{self.path}' should count at least {least} answers, as the states beside it tell"
                raise RunFolderError(f"{expected}. Found {answers}. {MEND}")
            self.answers = answers + 1
            if self.path is not None:
                write_atomically(self.path, json.dumps({**self.facts, ANSWERS: self.answers}).encode())
        return self.answers

    def _least(self) -> int:
        """Return how many answers the saved states tell of: each that can be read is one at least."""
        if self.states is None:
            return 0
        found = [0]
        for place, rounds in enumerate(self.states.rounds(), start=1):
            with suppress(RunFolderError):  # a broken one says nothing
                told: Any = self.states.facts(rounds).get(ANSWERS)
                found.append(max(place, told) if _is_count(told) else place)
        return max(found)

    def _written(self) -> int:
        """Return the count on the disk: every process of the client goes on from it."""
        if self.path is None or not self.path.exists():
            return 0
        found = self._read(self.path)
        kind = {key: found.get(key) for key in self.facts}
        if kind != self.facts:
            mend = "ε of both adds up: choose another folder, and add it yourself."
            raise RunFolderError(f"'{self.path}' should count answers of {self.facts}. Found {kind}. {mend}")
        return int(found[ANSWERS])

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RunFolderError(f"Cannot read '{path}': {error}. {MEND}") from None
        if not isinstance(found, dict) or not _is_count(found.get(ANSWERS)):
            raise RunFolderError(f"'{path}' should hold a number of `answers`. Found none. {MEND}")
        return found


def _locked(path: Path) -> AbstractContextManager[object]:
    """Hold the file against other processes, so that none counts on from a number that is old already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(f".{path.name}.lock")).acquire()
    except OSError as error:
        mend = "Choose a folder that can be written, with free space."
        raise RunFolderError(f"Cannot write '{path}': {error.strerror or error}. {mend}") from error


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
