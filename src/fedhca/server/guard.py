"""A client may lie: updates far longer than the others' are shortened, or count as if they had not come."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median

import torch

from fedhca.aggregation import Rows
from fedhca.config.federation import Guard
from fedhca.server.architecture_group import Part

FEWEST = 3


@dataclass(frozen=True)
class LengthCheck:
    """What a guard did in one round.

    Attributes:
        refused: why, by client.
        shortened: by client, the least factor by which something of it was shortened.

    """

    refused: Mapping[str, str] = field(default_factory=dict)
    shortened: Mapping[str, float] = field(default_factory=dict)


def check_lengths(guard: Guard, families: Iterable[tuple[Part, Rows]]) -> LengthCheck:
    """Say whose updates are refused, and shorten the others' where they lie.

        L_i = √(mean_k ‖Δ_k‖²) over the rows k of client i,    Δ = end − start, in float64
        t_i = L_i / median_j L_j
        t_i > reject    client i is refused
        t_i > bound     end_k ← start_k + Δ_k · bound / t_i, all rows of client i

    within each family: encoders among those of their layout, decoders likewise. An encoder is one row, decoders
    are one for each task; a client has one length whatever the number of its tasks, so that one with many has no
    more votes than another: less than half of the clients cannot move the median beyond the lengths of the
    others. Of two clients nobody can say which is the odd one, and of a median of 0 every update that moved is
    infinitely many: with fewer than 3 clients, or a median of 0, nothing is done. An honest update may be long,
    too: who has more local epochs is through with warm-up sooner. Rows are read in one pass, which rules and
    journal then need not take again.

    Args:
        guard: in medians, how long an update may be.
        families: what the rows are, and those of the clients that answered; `end` is written to.

    Norm bounding is of Sun et al., Can you really backdoor federated learning? (2019); the median instead of a
    fixed length makes it free of the unit of the parameters.
    """
    if not guard.on:
        return LengthCheck()
    sides = [(part, rows, _in_medians(rows)) for part, rows in families]
    bound, reject = (math.inf if each is None else each for each in (guard.bound, guard.reject))
    refused: dict[str, str] = {}
    for part, _, times in sides:
        for name, length in times.items():
            if length > reject:
                found = f"its {part}'s update is {length:.4g} times as long as the median of this round"
                refused.setdefault(name, f"{found}; {reject:g} times is allowed.")
    factors: dict[str, float] = {}
    for _, rows, times in sides:
        here = {name: bound / each for name, each in times.items() if each > bound and name not in refused}
        _shorten(rows, here)
        factors |= {name: min(factors.get(name, 1.0), factor) for name, factor in here.items()}
    return LengthCheck(refused, factors)


def _in_medians(rows: Rows) -> dict[str, float]:
    """Return the length of every client's update in medians; nothing where nothing can be said."""
    squares: dict[str, list[float]] = {}
    for member, square in zip(rows.members, rows.gram.diagonal().tolist(), strict=True):
        squares.setdefault(member.client, []).append(square)
    lengths = {name: math.sqrt(fmean(theirs)) for name, theirs in squares.items()}
    middle = median(lengths.values()) if len(lengths) >= FEWEST else 0.0
    return {name: length / middle for name, length in lengths.items()} if middle > 0 else {}


def _shorten(rows: Rows, factors: Mapping[str, float]) -> None:
    """Make the updates of some clients so many times as long, in place."""
    chosen = [place for place, member in enumerate(rows.members) if member.client in factors]
    if chosen:
        long = rows.among(torch.tensor(chosen))
        long.scale_updates(torch.tensor([factors[member.client] for member in long.members], dtype=torch.float64))
