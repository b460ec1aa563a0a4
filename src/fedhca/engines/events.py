"""What happens to a run over a network, as it happens: one line of JSON each, which the driver reads and shows."""

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fedhca.experiment import journal

EVENTS = "events.jsonl"


class Event(BaseModel):
    """What a line holds."""

    time: float
    what: str
    client: str = ""
    cause: str = ""


def record_event(folder: Path, what: str, client: str = "", cause: str = "") -> None:
    """Write down an event: begun, missing (a client did not answer), back, gone, stopped, done, again (submitted)."""
    line = {"time": round(time.time(), 3), "what": what, "client": client, "cause": cause}
    (folder / EVENTS).touch()
    journal.append(folder / EVENTS, {key: value for key, value in line.items() if value})


def events(folder: Path, since: int = 0) -> list[dict[str, Any]]:
    """Return the events after the first so many."""
    return journal.read_lines(folder / EVENTS, Event)[since:]
