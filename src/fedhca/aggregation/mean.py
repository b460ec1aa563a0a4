"""Federated averaging (McMahan et al., AISTATS 2017): the mean of what was sent, over all or within groups."""

from collections.abc import Callable, Hashable
from typing import Literal

import torch

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Member, Rows
from fedhca.errors import RecipeError, unknown

Scope = Literal["all", "same_task", "same_task_and_data"]

SCOPES: dict[str, Callable[[Member], Hashable]] = {
    "all": lambda member: None,
    "same_task": lambda member: frozenset(member.tasks),
    "same_task_and_data": lambda member: (member.dataset, frozenset(member.tasks)),
}


def mean(*, scope: Scope = "all", by_examples: bool = False) -> Aggregator:
    """Average the rows of all participants within a scope.

        answer_i = Σ_{j in scope of i} p_j end_j / Σ_{j in scope of i} p_j

    with p_j = 1, as in the released code, or p_j the number of training examples.

    Args:
        scope: `all`; `same_task`: only participants with equal task sets; `same_task_and_data`: and equal data sets.
        by_examples: weigh participants by their number of training examples.

    Raises:
        RecipeError: the scope does not exist.

    """
    if scope not in SCOPES:
        raise RecipeError(unknown("scope", scope, SCOPES))

    def rule(rows: Rows) -> Mixing:
        kinds = [SCOPES[scope](member) for member in rows.members]
        together = torch.tensor([[a == b for b in kinds] for a in dict.fromkeys(kinds)], dtype=torch.float64)
        counts = [member.examples if by_examples else 1 for member in rows.members]
        weights = together * torch.tensor(counts, dtype=torch.float64)
        return Mixing("weights", (weights / weights.sum(1, keepdim=True))[None], together.T[None])

    return stateless(rule)
