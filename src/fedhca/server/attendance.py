"""Who takes part when: a client may join later, or leave for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from fedhca.errors import RecipeError


@dataclass(frozen=True)
class Span:
    """The rounds in which a client takes part, counted from 1, both included.

    It introduces itself before the first round, as everybody does, and is asked for nothing outside of its span: its
    parameters and hyper weights stay as they are, and nobody hears of it. So it begins with what it said hello with.

    Attributes:
        joins: the first.
        leaves: the last; to the end if not given.

    Raises:
        RecipeError: there is no such span.

    """

    joins: int = 1
    leaves: int | None = None

    def __post_init__(self) -> None:
        if self.joins < 1:
            raise RecipeError(f"`joins` should be a round, at least 1. Found {self.joins}.")
        if self.leaves is not None and self.leaves < self.joins:
            found = f"Found {self.leaves}."
            raise RecipeError(f"`leaves` should be a round, at least {self.joins}, where it joins. {found}")

    def away(self, number: int) -> str:
        """Say why it does not take part in a round; nothing if it does."""
        if number < self.joins:
            return f"joins in round {self.joins}."
        if self.leaves is not None and number > self.leaves:
            return f"left after round {self.leaves}."
        return ""


Attendance = Mapping[str, Span]
"""By client; who is not in it takes part in all rounds."""

NOBODY_AWAY: Attendance = MappingProxyType({})
"""All take part in all rounds."""


def away_in(attendance: Attendance, number: int) -> dict[str, str]:
    """Return who does not take part in a round, and why."""
    return {name: why for name, span in attendance.items() if (why := span.away(number))}


def require_somebody(attendance: Attendance, names: Sequence[str], until: int) -> None:
    """Raise RecipeError if there is a round in which nobody takes part."""
    for number in range(1, until + 1):
        if len(away_in(attendance, number)) == len(names):
            raise RecipeError(f"In every round somebody should take part. Found nobody in round {number}.")
