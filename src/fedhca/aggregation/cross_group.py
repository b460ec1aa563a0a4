"""Cross-group aggregation (ColNet; Feng et al., 2025): means within groups, a conflict-averse step between them."""

import math

import numpy as np
import torch

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.conflict_averse import direction_coefficients
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.errors import RecipeError


def cross_group(*, c: float = 0.4, alpha: float = 0.1, rescale: bool = True) -> Aggregator:
    """Average within groups, and let the groups' leaders exchange a conflict-averse direction.

        answer_i = w̄_g + α Ũ,     Ũ the conflict-averse direction of the groups' mean updates Δ̄_g

    g is the group of i: those with the same set of tasks. The paper groups by the sensitivity of models and data and
    has no server; here the tasks are known. α is fixed.

    Args:
        c: see `conflict_averse`.
        alpha: share of the direction that every group takes, at least 0; 0 leaves the mean of each group.
        rescale: see `conflict_averse`.

    Raises:
        RecipeError: an option is outside its range.

    """
    direction_coefficients(np.eye(1), c)  # refuse a wrong option before any training
    if not 0 <= alpha < math.inf:
        raise RecipeError(f"Parameter `alpha` should be a number, at least 0. Found `alpha = {alpha}`.")

    def rule(rows: Rows) -> Mixing:
        kinds = [frozenset(member.tasks) for member in rows.members]
        groups = list(dict.fromkeys(kinds))
        belongs = torch.tensor([[kind == group for kind in kinds] for group in groups], dtype=torch.float64)
        means = belongs / belongs.sum(1, keepdim=True)
        products = (means @ rows.gram @ means.T).numpy()
        between = torch.from_numpy(direction_coefficients(products, c, rescale=rescale)) @ means
        shares = torch.cat([belongs.T, belongs.new_full((len(kinds), 1), alpha)], dim=1)
        own = -torch.ones(len(kinds), dtype=torch.float64)
        return Mixing("updates", torch.cat([means, between[None]])[None], shares[None], own[None])

    return stateless(rule)
