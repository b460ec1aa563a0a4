"""Hyper Cross Attention Aggregation of decoders, eqs. (12)–(14) and (17) of FedHCA² (CVPR 2024)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.aggregator import DIRECTION, Aggregator, Decision, State
from fedhca.aggregation.checked import finite
from fedhca.aggregation.hyper_weights import HyperOptions, HyperWeights
from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.own_part import NOTES, OWN, own_direction, product_notes
from fedhca.aggregation.rows import Rows
from fedhca.errors import RecipeError, unknown

Logits = Literal["cosine", "raw"]
LOGITS = ("cosine", "raw")


def cross_attention(
    updates: Float[Tensor, "k e"], *, logits: Logits = "raw", temperature: float = 1.0
) -> Float[Tensor, "k e"]:
    """Let the updates of one parameter tensor attend to each other.

        V = [Δφ_1 ‖ … ‖ Δφ_K],     A_k = softmax(Δφ_k Vᵀ / √e) V                                       (12, 13)

    Args:
        updates: Δφ_k of one parameter tensor, flattened to length e, over all k decoders, self included.
        logits: `raw` as printed above; `cosine`: cos(Δφ_k, Δφ_j) / temperature, which does not depend on the size of
            the updates (raw logits of real updates are ~1e-3, their softmax is in effect uniform).
        temperature: of the cosine logits, above 0.

    Returns:
        A_k for every decoder.

    Raises:
        RecipeError: the logits do not exist, the temperature is not above 0, or the updates are no finite matrix.

    >>> cross_attention(torch.tensor([[2.0, 0.0], [2.0, 0.0]]))
    tensor([[2., 0.],
            [2., 0.]])

    """
    wide = finite(updates, "updates").double()
    attention = attention_matrix(wide @ wide.T, updates.shape[1], logits=logits, temperature=temperature)
    return (attention @ wide).to(updates.dtype)


def attention_matrix(
    products: Float[Tensor, "k k"], width: int, *, logits: Logits = "raw", temperature: float = 1.0
) -> Float[Tensor, "k k"]:
    """Return the softmax of (13) from the Gram matrix of one tensor's updates; arguments as in `cross_attention`."""
    if logits not in LOGITS:
        raise RecipeError(unknown("logits", logits, LOGITS))
    if not temperature > 0:
        raise RecipeError(f"Parameter `temperature` should be above 0. Found `temperature = {temperature}`.")
    if logits == "raw":
        return torch.softmax(products / width**0.5, dim=1)
    lengths = products.diagonal().sqrt()
    scale = lengths[:, None] * lengths
    return torch.softmax(torch.where(scale > 0, products / scale, 0.0) / temperature, dim=1)


def hyper_cross_attention(
    *, beta: float = 0.1, logits: Logits = "cosine", temperature: float = 1.0, hyper: HyperOptions = HyperOptions()
) -> Aggregator:
    """Give every decoder its own progress and, layer by layer, β of what it attends to.

        φ_k^l ← φ_k^l(received) + Δφ_k^l + β_k^l A_k^l                                                  (14)
        β_k^l ← β_k^l + η Σ_{tensors of l} ⟨A_k of last round, Δφ_k of this round⟩                      (17)

    Attention is per parameter tensor (weight and bias separately), β per layer (shared by its weight and bias).

    Args:
        beta: all β at the start.
        logits: see `cross_attention`.
        temperature: see `cross_attention`.
        hyper: how β learns.

    Raises:
        RecipeError: an option is outside its range.

    """
    attention_matrix(torch.eye(1), 1, logits=logits, temperature=temperature)  # refuse before any training
    HyperWeights.start(beta, (1,))

    def init(rows: Rows) -> State:
        shape = (len(rows.members), len(rows.layout.layers))
        weights = HyperWeights.start(beta, shape)
        return {"beta": weights.value, "momentum": weights.momentum}

    def decide(state: State, rows: Rows) -> Decision:
        weights, layout = HyperWeights(state["beta"], state["momentum"]), rows.layout
        products, moved = rows.products(state.get(DIRECTION), by_segment=True), {}
        if DIRECTION in state:
            learns = None if rows.fresh is None else rows.fresh[:, None].expand_as(weights.value)
            layers = products.summed(layout.layer_of_segment, len(layout.layers))
            along, sizes = (each.diagonal(dim1=1, dim2=2).T for each in (layers.along, layers.sizes))
            weights = weights.step(along, sizes, hyper, learns)
            moved = product_notes(state, rows, along, sizes, layout.layer_of_segment, hyper)
        widths = [segment.stop - segment.start for segment in layout.segments]
        attention = torch.stack(
            [
                attention_matrix(gram, width, logits=logits, temperature=temperature)
                for gram, width in zip(products.gram, widths, strict=True)
            ]
        )
        share = weights.used[:, list(layout.layer_of_segment)].T
        mixing = Mixing("updates", attention, torch.diag_embed(share))
        own = own_direction(rows, attention.diagonal(dim1=1, dim2=2).T, layout.layer_of_segment)
        learnt = {"beta": weights.value, "momentum": weights.momentum, OWN: own}
        notes = {"beta": weights.value, "attention_entropy": _entropy(attention), **moved}
        return Decision(mixing, learnt, notes, keeps=len(rows.members))

    return Aggregator(init, decide, {"beta": 1, "momentum": 1, "direction": 1, OWN: 1, **NOTES})


def _entropy(attention: Float[Tensor, "s k k"]) -> Float[Tensor, " s"]:
    """Return the mean entropy over decoders, in nats, per tensor; log k means that all are heard alike."""
    return -torch.special.xlogy(attention, attention).sum(-1).mean(-1)
