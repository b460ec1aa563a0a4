"""What rules noted of every family, as notes of all encoders, or all decoders, of the federation."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor

from fedhca.aggregation import Answer
from fedhca.server.family import Family, Part

MIXING = "mixing"
"""The note that says who listens to whom."""


def noted(part: Part, families: Sequence[Family], answers: Sequence[Answer]) -> dict[str, Tensor]:
    """Return who listens to whom, and the notes of a part's rules, by roster order.

    Who is of another family is not listened to: 0. Of other pairs across families, of layers that a family does not
    have, and of a family of which nobody answered nothing is known: NaN. Notes that are nobody's stand one family's
    after the other's.
    """
    theirs = [(family, answer) for family, answer in zip(families, answers, strict=True) if family.part == part]
    found = [{MIXING: answer.mixing.listening(family.layout), **answer.notes} for family, answer in theirs]
    if len(found) == 1:
        return found[0]
    places = [torch.tensor(family.places) for family, _ in theirs]
    joined = {}
    for name in dict.fromkeys(name for notes in found for name in notes):
        runs = 2 if name == MIXING else theirs[0][1].personal.get(name, 0)
        values = [(where, notes[name]) for where, notes in zip(places, found, strict=True) if name in notes]
        if runs == 0:
            joined[name] = torch.cat([value.reshape(-1) for _, value in values])
        else:
            joined[name] = _spread(values, runs, sum(map(len, places)), 0.0 if name == MIXING else math.nan)
    return joined


def _spread(values: Sequence[tuple[Tensor, Tensor]], runs: int, count: int, nothing: float) -> Shaped[Tensor, "..."]:
    """Write each family's numbers to its places among all, along so many leading dimensions."""
    rest = [max(sizes) for sizes in zip(*(value.shape[runs:] for _, value in values), strict=True)]
    whole = values[0][1].new_full((*[count] * runs, *rest), nothing)
    for places, value in values:
        part = whole[tuple(slice(size) for size in (*[count] * runs, *value.shape[runs:]))]
        part[torch.meshgrid(*[places] * runs, indexing="ij")] = value
    return whole
