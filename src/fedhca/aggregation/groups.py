"""Homogeneous groups: clients with the same data set and the same tasks share their progress."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.rows import Member
from fedhca.errors import RecipeError, unknown

Grouping = Literal["equal", "adjacent", "off"]
GROUPINGS = ("equal", "adjacent", "off")


@dataclass(frozen=True)
class GroupMeans:
    """Groups of two members and more; who is alone is in none.

    Attributes:
        means: coefficients of the mean of each group.
        belongs: 1 where a member belongs to a group.

    """

    means: Float[Tensor, "g m"]
    belongs: Float[Tensor, "m g"]


def group_means(members: tuple[Member, ...], grouping: Grouping) -> GroupMeans:
    """Return the groups whose members take the mean of their group.

    Args:
        members: whose rows they are.
        grouping: `equal`: equal data set and task *set*, wherever they stand. `adjacent`: a member joins the group
            of the one just before it if data set and *ordered* tasks are equal; two equal members with another
            between them are not grouped (the released code). `off`: everyone alone.

    Raises:
        RecipeError: the grouping does not exist.

    """
    if grouping not in GROUPINGS:
        raise RecipeError(unknown("groups", grouping, GROUPINGS))
    numbers = torch.tensor(_numbers(members, grouping))
    belongs = (numbers[:, None] == torch.arange(len(members))).double()
    belongs = belongs[:, belongs.sum(0) > 1]
    return GroupMeans(belongs.T / belongs.sum(0)[:, None], belongs)


def _numbers(members: tuple[Member, ...], grouping: Grouping) -> list[int]:
    if grouping == "off":
        return list(range(len(members)))
    if grouping == "equal":
        kinds = [(member.dataset, frozenset(member.tasks)) for member in members]
        first = {kind: place for place, kind in reversed([*enumerate(kinds)])}
        return [first[kind] for kind in kinds]
    numbers = [0]
    for before, member in pairwise(members):
        same = (before.dataset, before.tasks) == (member.dataset, member.tasks)
        numbers.append(numbers[-1] + (not same))
    return numbers
