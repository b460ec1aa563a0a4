"""Cross attention of decoders: (13) tensor by tensor, (14) layer by layer."""

import math
from typing import Any

import pytest
import torch
import zoo
from hypothesis import given, settings
from torch import Tensor

from fedhca.aggregation import Rows, cross_attention, hyper_cross_attention
from fedhca.aggregation.cross_attention import Logits
from fedhca.errors import RecipeError

FEW = settings(max_examples=20)


def slow_attention(updates: Tensor) -> Tensor:
    """(12) and (13), one number at a time."""
    k, e = updates.shape
    rows = []
    for i in range(k):
        logits = [sum(float(updates[i, c] * updates[j, c]) for c in range(e)) / math.sqrt(e) for j in range(k)]
        shares = [math.exp(x - max(logits)) for x in logits]
        rows.append(torch.stack([share / sum(shares) * row for share, row in zip(shares, updates, strict=True)]).sum(0))
    return torch.stack(rows)


@FEW
@given(drawn=zoo.any_updates)
def test_raw_attention_is_the_printed_formula(drawn: dict[str, Any]) -> None:
    updates = zoo.updates(**drawn)
    torch.testing.assert_close(cross_attention(updates), slow_attention(updates), rtol=1e-9, atol=1e-12)


@FEW
@given(drawn=zoo.any_updates, exponent=zoo.exponents)
def test_cosine_attention_does_not_see_the_size_of_the_updates(drawn: dict[str, Any], exponent: int) -> None:
    updates, scale = zoo.updates(**drawn), 2.0**exponent
    found, expected = (cross_attention(each, logits="cosine", temperature=0.2) for each in (updates * scale, updates))
    assert torch.equal(found, expected * scale)
    lengths = torch.linspace(0.5, 3, len(updates), dtype=torch.float64)[:, None]
    by_hand = torch.softmax(torch.nn.functional.cosine_similarity(updates[:, None], updates, dim=-1) / 0.2, 1)
    torch.testing.assert_close(
        cross_attention(updates * lengths, logits="cosine", temperature=0.2),
        by_hand @ (updates * lengths),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("logits", ["raw", "cosine"])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 30])
def test_equal_updates_attend_to_that_update(logits: Logits, k: int) -> None:
    updates = zoo.updates("equal", k, 11)
    torch.testing.assert_close(cross_attention(updates, logits=logits), updates, rtol=1e-13, atol=0)
    single = updates.float()
    torch.testing.assert_close(cross_attention(single, logits=logits), single, rtol=1e-6, atol=0)


@pytest.mark.parametrize("logits", ["raw", "cosine"])
def test_a_decoder_hears_most_of_those_who_move_like_it(logits: Logits) -> None:
    updates = torch.tensor([[3.0, 0.0], [3.0, 0.1], [-3.0, 0.0]])
    assert float(cross_attention(updates, logits=logits)[0, 0]) > 2.5
    assert float(cross_attention(updates, logits=logits)[2, 0]) < -2.0 if logits == "raw" else True


def test_a_low_temperature_hears_oneself_and_a_high_one_hears_all() -> None:
    updates = zoo.updates("random", 5, 40)
    for temperature, expected in ((1e-3, updates), (1e6, updates.mean(0).expand(5, 40))):
        found = cross_attention(updates, logits="cosine", temperature=temperature)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", zoo.LAYOUTS)
@pytest.mark.parametrize("logits", ["raw", "cosine"])
def test_attention_is_per_tensor_and_beta_per_layer(layout: str, logits: Logits) -> None:
    rows = zoo.rows("random", 4, layout)
    rule = hyper_cross_attention(logits=logits, temperature=0.3)
    state = dict(rule.init(rows))
    layers = rows.layout.layers
    assert state["beta"].shape == (4, len(layers))
    state["beta"] = torch.rand(state["beta"].shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    answer = rule.apply(state, rows)
    moves = rows.end.double() - rows.start.double()
    for segment in rows.layout.segments:
        here = slice(segment.start, segment.stop)
        beta = state["beta"][:, layers.index(segment.layer), None]
        heard = cross_attention(moves[:, here], logits=logits, temperature=0.3)
        expected = rows.end[:, here].double() + beta * heard
        torch.testing.assert_close(answer.rows[:, here].double(), expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(answer.state["direction"][:, here].double(), heard, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("k", [1, 4])
def test_entropy_is_log_k_where_all_are_heard_alike_and_0_where_only_oneself(k: int) -> None:
    rows = zoo.rows("equal", k)
    rule = hyper_cross_attention()
    entropy = rule.apply(rule.init(rows), rows).notes["attention_entropy"]
    torch.testing.assert_close(entropy, torch.full_like(entropy, math.log(k)))
    rows = zoo.rows("random", k, "one tensor")
    sharp = hyper_cross_attention(temperature=1e-4)
    assert float(sharp.apply(sharp.init(rows), rows).notes["attention_entropy"].abs().max()) < 1e-6


def test_who_did_not_move_is_heard_like_a_right_angle() -> None:
    updates = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    found = cross_attention(updates, logits="cosine")
    e = math.e
    torch.testing.assert_close(found[0], torch.tensor([e, 1.0], dtype=torch.float64) / (e + 2))
    torch.testing.assert_close(found[1], updates.mean(0))


def test_equal_names_of_parts_do_not_share_a_beta() -> None:
    layout = zoo.LAYOUTS["layers of different widths"]
    assert layout.layers == ("linears.0", "linears.1", "norm", "scale")
    rows = zoo.rows("random", 2)
    assert isinstance(rows, Rows)
    assert hyper_cross_attention().init(rows)["beta"].shape == (2, 4)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"temperature": 0.0}, "`temperature` should be above 0. Found `temperature = 0.0`"),
        ({"temperature": -1.0}, "`temperature` should be above 0"),
        ({"temperature": math.nan}, "`temperature` should be above 0"),
        ({"beta": 1.1}, r"\[0, 1\]. Found 1.1"),
    ],
)
def test_wrong_options_are_refused_before_any_training(options: dict[str, Any], line: str) -> None:
    with pytest.raises(RecipeError, match=line):
        hyper_cross_attention(**options)
