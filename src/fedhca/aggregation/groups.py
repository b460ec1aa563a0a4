"""Homogeneous groups: clients with the same data set and the same tasks share their progress."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.rows import Member
from fedhca.errors import RecipeError, unknown

Grouping = Literal["equal", "adjacent", "off"]
GROUPINGS = ("equal", "adjacent", "off")


def group_means(members: tuple[Member, ...], grouping: Grouping) -> Float[Tensor, "m m"]:
    """Return the matrix that replaces every row by the mean of its group.

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
    group = torch.tensor(_numbers(members, grouping))
    together = (group[:, None] == group).double()
    return together / together.sum(1, keepdim=True)


def _numbers(members: tuple[Member, ...], grouping: Grouping) -> list[int]:
    if grouping == "off":
        return list(range(len(members)))
    if grouping == "equal":
        kinds = [(member.dataset, frozenset(member.tasks)) for member in members]
        return [kinds.index(kind) for kind in kinds]
    numbers = [0]
    for before, member in pairwise(members):
        same = (before.dataset, before.tasks) == (member.dataset, member.tasks)
        numbers.append(numbers[-1] + (not same))
    return numbers
