"""One conflict-averse step for all (CAGrad; Liu et al., NeurIPS 2021), on the clients' updates."""

import numpy as np
import torch

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.conflict_averse import direction_coefficients
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows


def common_step(*, c: float = 0.4, rescale: bool = True) -> Aggregator:
    """Give everyone the same step, the conflict-averse direction of all updates.

        answer_i = start_i + Ũ,     Ũ as in `conflict_averse`

    c = 0 is the mean of the updates. Everyone goes on from one model if everyone had one.

    Args:
        c: see `conflict_averse`.
        rescale: see `conflict_averse`.

    Raises:
        RecipeError: c is outside [0, 1).

    """
    direction_coefficients(np.eye(1), c)  # refuse a wrong option before any training

    def rule(rows: Rows) -> Mixing:
        step = torch.from_numpy(direction_coefficients(rows.gram.numpy(), c, rescale=rescale))
        return Mixing("steps", step[None, None], torch.ones(1, len(rows.members), 1, dtype=torch.float64))

    return stateless(rule)
