"""How much is tried, and the count of it: a factor for the long version of random tests, and a file that adds up.

FEDHCA_TORTURE  a whole number: random tests try so many times as many examples
FEDHCA_TALLY    a file: every test process adds lines of JSON to it, such as {"schedules": 1}
"""

import json
import os
from collections import Counter
from pathlib import Path


def many(count: int) -> int:
    """Return how many examples to try."""
    return count * int(os.environ.get("FEDHCA_TORTURE", "1"))


def tally(kind: str, count: int = 1) -> None:
    """Count something that was tried, if anybody wants to know."""
    if path := os.environ.get("FEDHCA_TALLY"):
        with Path(path).open("a") as file:  # one short line at a time, which no other process comes between
            file.write(json.dumps({kind: count}) + "\n")


def total(path: Path) -> Counter[str]:
    """Return what was counted, by kind."""
    found: Counter[str] = Counter()
    for line in path.read_text().splitlines() if path.exists() else []:
        found.update(json.loads(line))
    return found
