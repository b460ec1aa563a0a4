"""What to do about clients that do not answer."""

from dataclasses import dataclass
from typing import Literal

from fedhca.errors import RecipeError

OnMissing = Literal["fail", "keep", "wait"]


@dataclass(frozen=True)
class Policy:
    """How a federation meets a reply that is missing, late, or of no use (wrong round, wrong layout, not finite).

    Attributes:
        on_missing: `fail` stops the run with one line; it can be resumed. `keep` goes on with those who answered: the
            absent client's parameters, hyper weights and own state stay as they were. `wait` asks it again until it
            answers, and mixes nothing before.
        min_clients: under `keep`, how many have to answer for a round to count; the run stops with fewer. Whom a guard
            refuses has not answered.
        timeout: seconds a client has for one answer, over a network; as long as it takes if not given.
        pause: seconds before a client is asked again under `wait`.

    Raises:
        RecipeError: a value is outside its range.

    """

    on_missing: OnMissing = "fail"
    min_clients: int = 1
    timeout: float | None = None
    pause: float = 5.0

    def __post_init__(self) -> None:
        if self.min_clients < 1:
            raise RecipeError(f"`min_clients` should be at least 1. Found {self.min_clients}.")
        if self.timeout is not None and not self.timeout > 0:
            raise RecipeError(f"`timeout` should be above 0 seconds. Found {self.timeout}.")
        if not self.pause >= 0:
            raise RecipeError(f"`pause` should be at least 0 seconds. Found {self.pause}.")
