"""Hyper weights: (17) is one SGD step on the autograd graph of (14), with no graph."""

import math
from typing import Any

import pytest
import torch
import zoo
from torch import Tensor, nn

from fedhca.aggregation import HyperOptions, HyperWeights, Rows, hyper_conflict_averse, hyper_cross_attention
from fedhca.aggregation.hyper_weights import Bounds
from fedhca.errors import RecipeError

OPTIONS = {
    "released": HyperOptions(gradient="raw", bounds="clamp"),
    "no momentum": HyperOptions(learning_rate=0.05, momentum=0.0, gradient="raw", bounds="clamp"),
    "strong decay": HyperOptions(learning_rate=0.1, weight_decay=0.5, gradient="raw", bounds="clamp"),
    "at rest": HyperOptions(learning_rate=0.0, gradient="raw", bounds="clamp"),
}


def later(first: Rows, seed: int) -> Rows:
    drawn = zoo.rows("random", len(first.members), seed=seed)
    return Rows(drawn.start, drawn.end, first.members, first.layout)


def moves(rows: Rows) -> Tensor:
    return rows.end.double() - rows.start.double()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_alpha_learns_like_autograd_on_14(options: HyperOptions) -> None:
    rows = zoo.rows("random", 3)
    rule = hyper_conflict_averse(alpha=0.3, hyper=options)
    answer = rule.apply(rule.init(rows), rows)
    alpha = nn.Parameter(torch.full((3,), 0.3, dtype=torch.float64))
    sgd = torch.optim.SGD([alpha], options.learning_rate, options.momentum, weight_decay=options.weight_decay)
    for number in range(1, 6):
        handed_out = rows.end.double() + alpha.clamp(0, 1)[:, None] * answer.state["direction"].double()
        rows = later(rows, number)
        sgd.zero_grad()
        handed_out.backward(-moves(rows))  # what the next round's training did, as the gradient of a loss
        sgd.step()
        answer = rule.apply(answer.state, rows)
        torch.testing.assert_close(answer.state["alpha"], alpha.detach(), rtol=1e-10, atol=1e-12)
    assert torch.equal(answer.notes["alpha"], answer.state["alpha"])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_beta_learns_like_autograd_on_14(options: HyperOptions) -> None:
    rows = zoo.rows("random", 3)
    rule = hyper_cross_attention(beta=0.3, hyper=options)
    answer = rule.apply(rule.init(rows), rows)
    layers = [
        index for index, s in zip(rows.layout.layer_of_segment, rows.layout.segments, strict=True)
        for _ in range(s.start, s.stop)
    ]  # fmt: skip
    beta = nn.Parameter(torch.full((3, len(rows.layout.layers)), 0.3, dtype=torch.float64))
    sgd = torch.optim.SGD([beta], options.learning_rate, options.momentum, weight_decay=options.weight_decay)
    for number in range(1, 6):
        handed_out = rows.end.double() + beta.clamp(0, 1)[:, layers] * answer.state["direction"].double()
        rows = later(rows, number)
        sgd.zero_grad()
        handed_out.backward(-moves(rows))
        sgd.step()
        answer = rule.apply(answer.state, rows)
        torch.testing.assert_close(answer.state["beta"], beta.detach(), rtol=1e-10, atol=1e-12)


def learn(options: HyperOptions, start: float, products: list[float], norm: float = 1.0) -> list[float]:
    weights, values = HyperWeights.start(start, (1,)), []
    for product in products:
        given = torch.tensor([product, norm], dtype=torch.float64)
        weights = weights.step(given[:1], given[1:], options)
        values.append(float(weights.value))
    return values


def test_clamp_has_a_dead_zone_that_only_momentum_and_decay_leave() -> None:
    options = HyperOptions(0.1, 0.5, 0.1, "raw", "clamp")
    found = learn(options, 0.1, [-4.0, 100.0, 100.0, 100.0])
    momentum, value, expected = 0.0, 0.1, []
    for gradient in (4.0, 0.0, 0.0, 0.0):  # below 0 the gradient of clamp is 0, however good the progress
        momentum = 0.5 * momentum + gradient + 0.1 * value
        value -= 0.1 * momentum
        expected.append(value)
    assert found == pytest.approx(expected)
    assert found[0] < 0 and found[1] < found[0]  # noqa: PT018  momentum goes on
    assert found[3] - found[2] > found[1] - found[0]  # and fades


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_the_dead_zone_begins_outside_the_closed_interval(edge: float) -> None:
    options = HyperOptions(0.1, 0.0, 0.0, "raw", "clamp")
    inward = 1.0 if edge == 0 else -1.0
    assert learn(options, edge, [inward]) == pytest.approx([edge + 0.1 * inward])


@pytest.mark.parametrize("push", [-1e6, -3.0, 3.0, 1e6])
def test_project_keeps_the_weight_in_0_1_and_lets_it_come_back(push: float) -> None:
    options = HyperOptions(0.1, 0.0, 0.0, "raw", "project")
    *pushed, back = learn(options, 0.5, [push, push, -math.copysign(1.0, push)])
    assert all(0 <= value <= 1 for value in pushed)
    assert pushed[-1] == (0.0 if push < 0 else pytest.approx(1.0))
    assert back == pytest.approx(0.1 if push < 0 else 0.9)


@pytest.mark.parametrize("norm", [1e-20, 1.0, 1e20])
def test_the_cosine_gradient_has_no_scale(norm: float) -> None:
    options = HyperOptions(gradient="cosine")
    assert learn(options, 0.5, [0.6 * norm] * 4, norm) == pytest.approx(learn(options, 0.5, [0.6] * 4), rel=1e-12)


@pytest.mark.parametrize("bounds", ["project", "clamp"])
def test_no_direction_and_no_progress_is_no_gradient(bounds: Bounds) -> None:
    options = HyperOptions(0.1, 0.0, 0.0, "cosine", bounds)
    assert learn(options, 0.5, [0.0], norm=0.0) == [0.5]


def test_hyper_weights_of_a_cosine_learn_the_same_at_every_scale() -> None:
    for make, name in ((hyper_conflict_averse, "alpha"), (hyper_cross_attention, "beta")):
        learnt = []
        for exponent in (-33, 0, 33):
            rule, rows = make(), zoo.rows("random", exponent=exponent)
            again = zoo.rows("random", exponent=exponent, seed=3)
            learnt.append(rule.apply(rule.apply(rule.init(rows), rows).state, again).state[name])
        assert torch.equal(learnt[0], learnt[1])
        assert torch.equal(learnt[2], learnt[1])
        assert float((learnt[1] - 0.1).abs().min()) > 1e-5


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": -0.1},
        {"learning_rate": math.nan},
        {"momentum": -0.5},
        {"weight_decay": -1e-4},
        {"weight_decay": math.inf},
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(RecipeError, match=name):
        HyperOptions(**options)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_weights_start_in_0_1(value: float) -> None:
    with pytest.raises(RecipeError, match=r"\[0, 1\]"):
        HyperWeights.start(value, (2,))
