"""A client may lie: updates far longer than the others' are shortened, or count as if they had not come."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation import Rows
from fedhca.errors import RecipeError
from fedhca.server.family import Part

FEWEST = 3


@dataclass(frozen=True)
class Guard:
    """How long an update may be, in medians of the round; see `Guard.judge`. Off unless something is given.

    Attributes:
        bound: at least 1; a longer update is shortened to so many medians.
        reject: above 1, and above `bound`; of a client with a longer one nothing is taken this round.

    Raises:
        RecipeError: a value is outside its range.

    """

    bound: float | None = None
    reject: float | None = None

    def __post_init__(self) -> None:
        if self.bound is not None and not 1 <= self.bound < math.inf:
            raise RecipeError(f"`bound` should be at least 1 median. Found {self.bound}.")
        if self.reject is not None and not 1 < self.reject < math.inf:
            raise RecipeError(f"`reject` should be above 1 median. Found {self.reject}.")
        if self.bound is not None and self.reject is not None and self.reject <= self.bound:
            found = f"Found {self.reject}: none would be shortened."
            raise RecipeError(f"`reject` should be above `bound`, {self.bound}. {found}")

    @property
    def on(self) -> bool:
        """Whether it looks at updates at all."""
        return self.bound is not None or self.reject is not None

    def judge(self, families: Iterable[tuple[Part, Rows]]) -> "Verdict":
        """Say whose updates are refused, and shorten the others' where they lie.

            t_i = ‖Δ_i‖ / median_j ‖Δ_j‖,    Δ = end − start, in float64
            t_i > reject    the client of i is refused
            t_i > bound     end_i ← start_i + Δ_i · bound / t_i

        within each family: encoders among those of their layout, decoders likewise. Of two updates nobody can say
        which is the odd one, and of a median of 0 every update that moved is infinitely many: with fewer than 3
        updates, or a median of 0, nothing is done. Less than half of the updates cannot move the median beyond the
        lengths of the others. An honest one may be long, too: who has more local epochs is through with warm-up
        sooner. Rows are read in one pass, which rules and journal then need not take again.

        Args:
            families: what the rows are, and those of the clients that answered; `end` is written to.

        Norm bounding is of Sun et al., Can you really backdoor federated learning? (2019); the median instead of a
        fixed length makes it free of the unit of the parameters.
        """
        if not self.on:
            return Verdict()
        sides = [(part, rows, _in_medians(rows)) for part, rows in families]
        refused: dict[str, str] = {}
        for part, rows, times in sides:
            for name, longest in _longest(rows, times, self.reject).items():
                length = f"its {part}'s update is {longest:.4g} times as long as the median of this round"
                refused.setdefault(name, f"{length}; {self.reject:g} times is allowed.")
        factors: dict[str, float] = {}
        for _, rows, times in sides:
            for name, longest in _shorten(rows, times, self.bound, refused).items():
                factors[name] = min(factors.get(name, 1.0), longest)
        return Verdict(refused, factors)


@dataclass(frozen=True)
class Verdict:
    """What a guard did in one round.

    Attributes:
        refused: why, by client.
        shortened: by client, the least factor by which something of it was shortened.

    """

    refused: Mapping[str, str] = field(default_factory=dict)
    shortened: Mapping[str, float] = field(default_factory=dict)


def _in_medians(rows: Rows) -> Float[Tensor, " m"]:
    """Return the length of every update in medians; 0 where nothing can be said."""
    if len(rows.members) < FEWEST:
        return torch.zeros(len(rows.members), dtype=torch.float64)
    lengths = rows.gram.diagonal().sqrt()
    median = lengths.quantile(0.5)
    return lengths / median if median > 0 else torch.zeros_like(lengths)


def _longest(rows: Rows, times: Float[Tensor, " m"], most: float | None) -> dict[str, float]:
    """Return the length of the longest update of every client that has one above what is allowed."""
    found: dict[str, float] = {}
    for member, length in zip(rows.members, times.tolist(), strict=True):
        if most is not None and length > most:
            found[member.client] = max(length, found.get(member.client, 0.0))
    return found


def _shorten(rows: Rows, times: Float[Tensor, " m"], bound: float | None, but: Collection[str]) -> dict[str, float]:
    """Shorten what is above the bound, in place; return the least factor of each client. Who is refused is let be."""
    theirs = torch.tensor([member.client not in but for member in rows.members])
    chosen = ((times > (math.inf if bound is None else bound)) & theirs).nonzero()[:, 0]
    if bound is None or len(chosen) == 0:
        return {}
    long = rows.among(chosen)
    long.scale_updates(bound / times[chosen])
    return {name: bound / length for name, length in _longest(long, times[chosen], bound).items()}
