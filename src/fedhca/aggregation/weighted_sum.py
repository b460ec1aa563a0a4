"""The plain learnable weighted sum, eqs. (10)–(11) of FedHCA² (CVPR 2024): what cross attention is held against."""

from fedhca.aggregation.aggregator import Aggregator, Answer, State
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.mixing import Mixing, outer
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
        weights = HyperWeights.start(weight / m, (m, m), rows.end.device)
        return {"pairs": weights.value, "momentum": weights.momentum}

    def apply(state: State, rows: Rows) -> Answer:
        weights = HyperWeights(state["pairs"], state["momentum"])
        if "direction" in state:
            learns = None if rows.fresh is None else rows.fresh[:, None] & rows.fresh
            weights = weights.step(*outer(state["direction"], rows), hyper, learns)
        mixing = Mixing("updates", weights.used[None])
        learnt = {"pairs": weights.value, "momentum": weights.momentum, "direction": rows.updates}
        return Answer(mixing.of(rows), mixing, learnt, {"pairs": weights.value})

    return Aggregator(init, apply, {"pairs": 2, "momentum": 2, "direction": 1})
