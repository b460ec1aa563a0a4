"""How many answers a client has given: ε counts every one, whether it counted for the server or not."""

import json
from pathlib import Path
from typing import Any

from fedhca.atomic import write_atomically
from fedhca.client.privacy import Privacy
from fedhca.errors import RunFolderError

FILE = "privacy.json"
MEND = "Restore it: without it nobody knows what was given away."


class Ledger:
    """Count a private client's answers; the count is on the disk before an answer leaves, and never goes back.

    A round that is done again after a crash is an answer more: the first may have been seen.

    Args:
        privacy: of the client.
        client: its name.
        folder: where its state is saved; the count is in memory alone if not given.

    """

    def __init__(self, privacy: Privacy, client: str, folder: Path | None = None) -> None:
        self.privacy = privacy
        self.path = None if folder is None else folder / FILE
        self.facts = {"client": client, "clip": privacy.clip, "noise": privacy.noise}
        self.answers = 0

    def count(self) -> int:
        """Write down one answer more, and return how many they are; to be done before it leaves.

        Raises:
            RunFolderError: the file cannot be read or written, is broken, or counts answers of another kind.

        """
        answers = max(self.answers, self._written()) + 1
        if self.path is not None:
            write_atomically(self.path, json.dumps({**self.facts, "answers": answers}).encode())
        self.answers = answers
        return answers

    def _written(self) -> int:
        """Return the count on the disk: every process of the client goes on from it."""
        if self.path is None or not self.path.exists():
            return 0
        found = self._read(self.path)
        kind = {key: found.get(key) for key in self.facts}
        if kind != self.facts:
            mend = "ε of both adds up: choose another folder, and add it yourself."
            raise RunFolderError(f"'{self.path}' should count answers of {self.facts}. Found {kind}. {mend}")
        return int(found["answers"])

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RunFolderError(f"Cannot read '{path}': {error}. {MEND}") from None
        if not isinstance(found, dict) or not _is_count(found.get("answers")):
            raise RunFolderError(f"'{path}' should hold a number of `answers`. Found none. {MEND}")
        return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
