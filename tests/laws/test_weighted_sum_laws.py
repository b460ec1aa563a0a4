"""The plain learnable weighted sum, eqs. (10)–(11)."""

import torch
import zoo
from hypothesis import given, settings

from fedhca.aggregation import HyperOptions, Rows, weighted_sum

FEW = settings(max_examples=20)
PLAIN = HyperOptions(learning_rate=0.01, momentum=0.0, weight_decay=0.0, gradient="raw")


def again(rows: Rows, now: torch.Tensor, seed: int) -> Rows:
    moves = zoo.rows("random", len(rows.members), seed=seed, dtype=torch.float64).updates
    return Rows(now, now + moves, rows.members, rows.layout)


@FEW
@given(seed=zoo.seeds)
def test_each_weight_learns_by_the_inner_product_of_its_pair(seed: int) -> None:
    first = zoo.rows("random", 4, seed=seed, dtype=torch.float64)
    rule = weighted_sum(weight=0.4, hyper=PLAIN)
    one = rule.apply(rule.init(first), first)
    torch.testing.assert_close(one.rows, first.end + 0.1 * first.updates.sum(0))
    second = again(first, one.rows, seed + 5)
    two = rule.apply(one.state, second)
    expected = (0.1 + 0.01 * second.updates @ first.updates.T).clamp(0, 1)
    torch.testing.assert_close(two.state["pairs"], expected)
    torch.testing.assert_close(two.rows, second.end + expected @ second.updates)


def test_the_gradient_is_that_of_a_loss_at_what_was_received() -> None:
    """Autograd agrees: with loss(received) = −⟨received, progress⟩, dloss/dW_kj = −⟨Δ_j of last round, progress_k⟩."""
    first = zoo.rows("random", 3, seed=3, dtype=torch.float64)
    weights = torch.full((3, 3), 0.1, dtype=torch.float64, requires_grad=True)
    received = first.end + weights @ first.updates
    progress = zoo.rows("random", 3, seed=8, dtype=torch.float64).updates
    (-(received * progress).sum()).backward()
    rule = weighted_sum(weight=0.3, hyper=PLAIN)
    one = rule.apply(rule.init(first), first)
    two = rule.apply(one.state, Rows(one.rows, one.rows + progress, first.members, first.layout))
    assert weights.grad is not None
    torch.testing.assert_close(two.state["pairs"], (0.1 - 0.01 * weights.grad).clamp(0, 1))
