"""The own part of (17): what of ⟨direction, progress⟩ is a participant's own last update."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import zoo
from hypothesis import given, settings
from torch import Tensor

from fedhca.aggregation import (
    Aggregator,
    HyperOptions,
    Mixing,
    Rows,
    Trimming,
    apply_among,
    hyper_conflict_averse,
    hyper_cross_attention,
    own_part,
)
from fedhca.aggregation.own_part import NOTES, OWN
from fedhca.wire.layout import Layout

RAW = HyperOptions(gradient="raw")
RULES: Mapping[str, Callable[..., Aggregator]] = {"alpha": hyper_conflict_averse, "beta": hyper_cross_attention}
both = pytest.mark.parametrize("name", RULES)


def self_weights(mixing: Mixing | Trimming, name: str) -> Tensor:
    """Weight [s, m] of each participant's own update in its direction, from the mixes of a round."""
    assert isinstance(mixing, Mixing)
    return mixing.heard[:, 0] if name == "alpha" else mixing.heard.diagonal(dim1=1, dim2=2)


@both
@settings(max_examples=40)
@given(drawn=zoo.any_rows)
def test_it_is_the_own_weight_times_the_product_of_the_own_updates(name: str, drawn: dict[str, Any]) -> None:
    rule = RULES[name](hyper=RAW)
    before, now = (zoo.rows(**{**drawn, "seed": drawn["seed"] + k}) for k in (0, 7))
    first = rule.apply(rule.init(before), before)
    found = rule.apply(first.state, now).notes
    weights, terms = self_weights(first.mixing, name), before.updates.double() * now.updates.double()
    expected = torch.zeros_like(found["own_product"]).reshape(len(terms), -1)
    for place, segment in enumerate(now.layout.segments):
        layer = 0 if name == "alpha" else now.layout.layer_of_segment[place]
        weight = weights[min(place, len(weights) - 1)]
        expected[:, layer] += weight * terms[:, segment.start : segment.stop].sum(1)
    size = float(before.updates.double().norm() * now.updates.double().norm())
    assert float((found["own_product"].reshape(expected.shape) - expected).abs().max()) <= 1e-6 * size


def strangers(make: Callable[..., Aggregator], rounds: int = 20, n: int = 6, each: int = 8) -> list[dict[str, Tensor]]:
    """Notes of a federation whose clients go to optima of their own in coordinates that no other has."""
    layout = Layout.of({"layer.weight": (n * each,)})
    mine = torch.block_diag(*torch.ones(n, 1, each)).double()
    optimum = mine * torch.randn(n, n * each, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rule, held, notes = make(), torch.zeros_like(optimum), []
    state = rule.init(Rows(held, held, zoo.members(n), layout))
    for _ in range(rounds):
        sent = held + 0.1 * mine * (optimum - held)
        answer = rule.apply(state, Rows(held, sent, zoo.members(n), layout))
        held, state = answer.rows, answer.state
        notes.append(dict(answer.notes))
    return notes


@both
def test_strangers_hear_themselves_alone_and_their_weights_rise_all_the_same(name: str) -> None:
    make = hyper_cross_attention if name == "beta" else lambda: hyper_conflict_averse(groups="off")
    first, *others = strangers(make)
    assert not NOTES.keys() & first.keys()  # there was no direction yet
    for notes in others:
        torch.testing.assert_close(notes["own_product"], notes["product"], rtol=1e-9, atol=0)
    assert float(others[-1][name].min()) > 2 * 0.1


@both
def test_of_equal_clients_it_is_the_share_of_one(name: str) -> None:
    rule, rows = RULES[name](), zoo.rows("equal", 4)
    first = rule.apply(rule.init(rows), rows)
    notes = rule.apply(first.state, rows).notes
    torch.testing.assert_close(notes["own_product"], notes["product"] / 4, rtol=1e-5, atol=0)


@both
def test_where_columns_are_left_out_it_is_an_estimate(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout.of({"a.weight": (30, 40), "b.weight": (50, 60), "a.bias": (40,)})
    draw = torch.Generator().manual_seed(0)
    common = torch.randn(3, layout.width, generator=draw)
    zero = torch.zeros(3, layout.width)

    def later() -> Rows:
        return Rows(zero, common + 0.3 * torch.randn(3, layout.width, generator=draw), zoo.members(3), layout)

    before, now = later(), later()
    found = []
    for columns in (layout.width, 1000):
        monkeypatch.setattr(own_part, "COLUMNS", columns)
        rule = RULES[name]()
        state = rule.apply(rule.init(before), before).state
        assert state[OWN].shape == (3, min(columns * (1 if name == "alpha" else 2), layout.width))
        found.append(rule.apply(state, now).notes["own_product"])
    torch.testing.assert_close(found[1], found[0], rtol=0.15, atol=0)
    assert not torch.equal(found[1], found[0])


def test_encoders_of_which_nothing_travels_have_none() -> None:
    rule, nothing = hyper_conflict_averse(), torch.zeros(3, 0)
    rows = Rows(nothing, nothing, zoo.members(3), Layout.of({}))
    notes = rule.apply(rule.apply(rule.init(rows), rows).state, rows).notes
    assert not notes["own_product"].any()


@both
def test_who_was_away_has_none_and_an_older_state_begins_with_the_next_round(name: str) -> None:
    rule, rows = RULES[name](), zoo.rows("random")
    first = rule.apply(rule.init(rows), rows)
    present = torch.tensor([True, False, True, True])
    missed = apply_among(rule, first.state, rows, present)
    back = Rows(rows.start, rows.end, rows.members, rows.layout, fresh=present)
    for notes in (missed.notes, rule.apply(missed.state, back).notes):
        for each in NOTES:
            assert torch.equal(notes[each].reshape(4, -1).isfinite().all(1), present)
    older = rule.apply({key: value for key, value in first.state.items() if key != OWN}, rows)
    assert not NOTES.keys() & older.notes.keys()
    assert NOTES.keys() <= rule.apply(older.state, rows).notes.keys()
