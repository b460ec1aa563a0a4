"""The plain learnable weighted sum, eqs. (10)–(11) of FedHCA² (CVPR 2024): what cross attention is held against."""

import torch

from fedhca.aggregation.aggregator import DIRECTION, Aggregator, Decision, State
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows


def weighted_sum(*, weight: float = 0.1, hyper: HyperOptions = HyperOptions()) -> Aggregator:
    """Give every participant its own progress and a weighted sum of everyone's, with a learnable weight for each pair.

        φ_k ← φ_k(received) + Δφ_k + Σ_j W_kj Δφ_j
        W_kj ← W_kj + η⟨Δφ_j of last round, Δφ_k of this round⟩

    The second line is (17) for these weights: last round's update of j is the direction that W_kj scales. A decoder is
    one piece here; there is no attention, and nothing per layer.

    Args:
        weight: Σ_j W_kj at the start, in [0, 1]; shared equally among all, self included.
        hyper: how W learns.

    Raises:
        RecipeError: the weight is outside [0, 1].

    """
    HyperWeights.start(weight, (1,))  # refuse a wrong option before any training

    def init(rows: Rows) -> State:
        m = len(rows.members)
        weights = HyperWeights.start(weight / m, (m, m))
        return {"pairs": weights.value, "momentum": weights.momentum}

    def decide(state: State, rows: Rows) -> Decision:
        weights, m = HyperWeights(state["pairs"], state["momentum"]), len(rows.members)
        if DIRECTION in state:
            learns = None if rows.fresh is None else rows.fresh[:, None] & rows.fresh
            products = rows.products(state[DIRECTION])
            weights = weights.step(products.along[0], products.sizes[0], hyper, learns)
        updates = torch.eye(m, dtype=torch.float64)[None]
        learnt = {"pairs": weights.value, "momentum": weights.momentum}
        mixing = Mixing("updates", updates, weights.used[None])
        return Decision(mixing, learnt, {"pairs": weights.value}, keeps=m)

    return Aggregator(init, decide, {"pairs": 2, "momentum": 2, "direction": 1})
