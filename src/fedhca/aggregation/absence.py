"""A round in which not everybody answered: those who did are mixed among themselves, the others stay as they were."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.aggregator import Aggregator, Answer
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.errors import FedhcaError
from fedhca.storage.tables import new_like

GRAM = {"gram": 2}
"""The note of every rule, which has a share for every pair."""


def apply_among(
    rule: Aggregator,
    state: Mapping[str, Tensor],
    rows: Rows,
    present: Bool[Tensor, " m"],
    into: Float[Tensor, "n w"] | None = None,
) -> Answer:
    """Apply a rule among the participants that are present, as if there were no others.

    Noted with every rule is `gram`, how the updates stand to each other; an absent one has none, which is NaN.
    An absent one is answered what it was handed out, hears nobody and is heard by nobody; its share of the rule's
    state stays as it is, bit for bit.

    Args:
        rule: any.
        state: of the rule, for all participants.
        rows: of all participants; where an absent one arrived is not looked at.
        present: who answered; if nobody did, the rule is not asked.
        into: where the answers are written, see `Mixing.of`; new memory if not given.

    Raises:
        FedhcaError: there is no answer of finite numbers; the longest update is named, which may be why.

    """
    here, count = present.nonzero()[:, 0], len(present)
    if len(here) == 0:
        return _nobody(rule, state, rows, into)
    among = rows if len(here) == count else rows.among(here)
    shares = {name: _share(value, here, rule.personal.get(name, 0)) for name, value in state.items()}
    try:
        decision = rule.decide(shares, among)
        gram = _among(torch.full((count, count), torch.nan, dtype=torch.float64), among.gram, here)
        answer = decision.carried_out(among, into)
    except FedhcaError as error:
        raise type(error)(f"{error} {_longest(among)}") from error
    learnt = {name: _merged(name, value, state, here, rule, count) for name, value in answer.state.items()}
    notes = {name: _merged(name, value, learnt, here, rule, count, math.nan) for name, value in answer.notes.items()}
    mixing = answer.mixing if among is rows else answer.mixing.widened(here, count)
    return Answer(answer.rows, mixing, learnt, {"gram": gram, **notes}, {**GRAM, **rule.personal})


def _longest(rows: Rows) -> str:
    lengths = rows.gram.diagonal().sqrt()
    member = rows.members[int(lengths.argmax())]
    which = f"client '{member.client}' ({', '.join(member.tasks)})"
    return f"The longest update is that of {which}, {float(lengths.max()):.3g}. Set a `guard`, which bounds it."


def _nobody(rule: Aggregator, state: Mapping[str, Tensor], rows: Rows, into: Float[Tensor, "n w"] | None) -> Answer:
    """Answer everyone what it was handed out: nobody is there to be mixed."""
    count = len(rows.members)
    answer = (new_like(rows.start) if into is None else into).copy_(rows.start)
    mixing = Mixing("weights", torch.eye(count, dtype=torch.float64)[None])
    gram = torch.full((count, count), torch.nan, dtype=torch.float64)
    return Answer(answer, mixing, dict(state), {"gram": gram}, {**GRAM, **rule.personal})


def _share(value: Tensor, here: Tensor, dimensions: int) -> Tensor:
    for dimension in range(dimensions):
        value = value if len(here) == value.shape[dimension] else value.index_select(dimension, here.to(value.device))
    return value


def _merged(
    name: str,
    value: Tensor,
    before: Mapping[str, Tensor],
    here: Tensor,
    rule: Aggregator,
    count: int,
    nothing: float = 0.0,
) -> Tensor:
    """Put the shares of those present back among the others, which keep what they had, or have `nothing` yet."""
    dimensions = rule.personal.get(name, 0)
    if dimensions == 0 or len(here) == count:
        return value
    size = (*[count] * dimensions, *value.shape[dimensions:])
    whole = before[name].clone() if name in before else value.new_full(size, nothing)
    return _among(whole, value, here, dimensions)


def _among(whole: Tensor, part: Tensor, here: Tensor, dimensions: int = 2) -> Tensor:
    """Write the part of those present into the whole, along its leading dimensions."""
    whole[torch.meshgrid(*[here] * dimensions, indexing="ij")] = part
    return whole
