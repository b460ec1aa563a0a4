"""A round in which not everybody answered: those who did are mixed among themselves, the others stay as they were."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, Answer
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows


def apply_among(rule: Aggregator, state: Mapping[str, Tensor], rows: Rows, present: Bool[Tensor, " m"]) -> Answer:
    """Apply a rule among the participants that are present, as if there were no others.

    An absent one is answered what it was handed out, hears nobody and is heard by nobody; its share of the rule's
    state stays as it is, bit for bit.

    Args:
        rule: any.
        state: of the rule, for all participants.
        rows: of all participants; where an absent one arrived is not looked at.
        present: who answered; at least one.

    """
    if present.all():
        return rule.apply(state, rows)
    here = present.nonzero()[:, 0]
    shares = {name: _share(value, here, rule.personal.get(name, 0)) for name, value in state.items()}
    answer = rule.apply(shares, rows_of(rows, here))
    kept = rows.start.clone()
    kept[here] = answer.rows
    learnt = {name: _merged(name, value, state, here, rule, len(present)) for name, value in answer.state.items()}
    notes = {name: _merged(name, value, learnt, here, rule, len(present)) for name, value in answer.notes.items()}
    return Answer(kept, _widened(answer.mixing, here, len(present)), learnt, notes)


def rows_of(rows: Rows, chosen: Tensor) -> Rows:
    """Return some of the rows, by position."""
    return replace(
        rows,
        start=rows.start[chosen],
        end=rows.end[chosen],
        members=tuple(rows.members[place] for place in chosen.tolist()),
        fresh=None if rows.fresh is None else rows.fresh[chosen],
    )


def _share(value: Tensor, here: Tensor, dimensions: int) -> Tensor:
    for dimension in range(dimensions):
        value = value.index_select(dimension, here)
    return value


def _merged(
    name: str, value: Tensor, before: Mapping[str, Tensor], here: Tensor, rule: Aggregator, count: int
) -> Tensor:
    """Put the shares of those present back among the others, which keep what they had; a first share is zero."""
    dimensions = rule.personal.get(name, 0)
    if dimensions == 0:
        return value
    whole = (
        before[name].clone() if name in before else value.new_zeros(*[count] * dimensions, *value.shape[dimensions:])
    )
    whole[torch.meshgrid(*[here] * dimensions, indexing="ij")] = value
    return whole


def _widened(mixing: Mixing, here: Tensor, count: int) -> Mixing:
    """Let those who are absent neither hear nor be heard."""
    size = (len(mixing.matrix), count, count)
    whole = torch.zeros(size, dtype=mixing.matrix.dtype, device=mixing.matrix.device)
    if mixing.what == "weights":
        whole += torch.eye(count, dtype=whole.dtype, device=whole.device)
        whole[:, here] = 0
    grid = torch.meshgrid(here, here, indexing="ij")
    whole[:, grid[0], grid[1]] = mixing.matrix
    return replace(mixing, matrix=whole)
