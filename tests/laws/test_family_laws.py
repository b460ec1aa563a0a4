"""Several architectures in one federation: every family is answered what it would be if there were no other."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fedhca.config.federation import ClientEntry, Federation, Guard
from fedhca.experiment import journal
from fedhca.methods import METHODS, make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import ClientRegistry, Round, initial_state, rounds
from fedhca.server.architecture_group import Part, architectures, part_rows
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, Missing, TrainRequest
from fedhca.wire.parameters import Parameters
from tally import many
from tiny import equal, same_bits, same_parameters

TASKS = {"a": ("semseg",), "b": ("semseg", "depth"), "c": ("depth",), "d": ("edge", "depth"), "e": ("semseg",)}
DATASETS = {"a": "nyud", "b": "nyud", "c": "pascal", "d": "pascal", "e": "pascal"}
LAYOUTS: dict[Part, tuple[Layout, Layout]] = {
    "encoder": (zoo.LAYOUTS["layers of different widths"], Layout.of({"stem.weight": (4, 3), "n.weight": (3,)}, ["n"])),
    "decoder": (zoo.LAYOUTS["a weight and its bias"], Layout.of({"fuse.weight": (5,), "out.a": (2,), "scale": (1,)})),
}
ROUNDS = 3
Kinds = Mapping[str, int]
"""Which of the two layouts each client has."""
OFF = Guard()
ALIKE: Kinds = dict.fromkeys(TASKS, 0)


def drawn(client: str, part: Part, round_: int, width: int) -> Tensor:
    seed = 1000 * ord(client) + 10 * round_ + len(part) + (part == "decoder")
    count = len(TASKS[client]) if part == "decoder" else 1
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def hello(client: str, encoders: Kinds, decoders: Kinds) -> Hello:
    encoder, decoder = LAYOUTS["encoder"][encoders[client]], LAYOUTS["decoder"][decoders[client]]
    first = Parameters(drawn(client, "encoder", 0, encoder.width)[0], drawn(client, "decoder", 0, decoder.width))
    return Hello(client, DATASETS[client], TASKS[client], 5 + ord(client), encoder, decoder, first)


def play(
    method: str,
    names: Sequence[str] = tuple(TASKS),
    encoders: Kinds = ALIKE,
    decoders: Kinds = ALIKE,
    absent: Mapping[int, Collection[str]] = {},
    scales: Mapping[str, float] = {},
    guard: Guard = OFF,
) -> list[Round]:
    def train(request: TrainRequest) -> Parameters | Missing:
        if request.client in absent.get(request.round, ()):
            return Missing(request.client, "away")
        given, factor = request.parameters, 0.1 * scales.get(request.client, 1.0)
        moves = [
            factor * drawn(request.client, part, request.round + 1, part_rows(part, given.plain).shape[1])
            for part in ("encoder", "decoder")
        ]
        return Parameters(given.plain.encoder + moves[0][0], given.plain.decoders + moves[1])

    hellos = [hello(name, encoders, decoders) for name in names]
    roster, made = ClientRegistry.of(hellos, names), make_method(method)
    clients = tuple(ClientEntry(name=name, dataset=DATASETS[name], tasks=TASKS[name]) for name in names)
    how = Federation(rounds=ROUNDS, on_missing="keep", guard=guard, clients=clients)
    return list(rounds(made, ScriptedRuntime(hellos, train), initial_state(made, roster, hellos, how), how))


def same_of(part: Part, all_: Round, alone: Round) -> None:
    """The only family of a part of one federation stands there as in the other, in which there are more."""
    names, others = alone.state.roster.names, alone.state.roster.families
    place = next(
        place
        for place, family in enumerate(all_.state.roster.families)
        if family.part == part and family.clients == names
    )
    own = next(place for place, family in enumerate(others) if family.part == part)
    assert equal(all_.state.rows[place], alone.state.rows[own])
    assert same_bits(all_.state.memories[place], alone.state.memories[own])
    for name in names:
        mine, theirs = (part_rows(part, each.state.parameters[name]) for each in (all_, alone))
        assert equal(mine, theirs)
    listening = [each.answers[at].mixing.matrix for each, at in ((all_, place), (alone, own))]
    assert torch.equal(*listening)
    assert all_.answers[place].notes.keys() == alone.answers[own].notes.keys()


kinds = st.fixed_dictionaries(dict.fromkeys(TASKS, st.integers(0, 1)))
absences = st.dictionaries(st.integers(0, ROUNDS - 1), st.sets(st.sampled_from("bcde"), max_size=4), max_size=3)


def of_kind(kinds: Kinds, kind: int) -> tuple[str, ...]:
    return tuple(name for name in TASKS if kinds[name] == kind)


@settings(max_examples=many(8))
@given(method=st.sampled_from(sorted(METHODS)), encoders=kinds, decoders=kinds, absent=absences)
def test_each_family_is_answered_as_if_there_were_no_other(
    method: str, encoders: Kinds, decoders: Kinds, absent: dict[int, set[str]]
) -> None:
    groups = [of_kind(each, kind) for each in (encoders, decoders) for kind in (0, 1)]
    leaders = {group[0] for group in groups if group}
    absent = {number: names - leaders for number, names in absent.items()}  # somebody of each family answers
    found = play(method, encoders=encoders, decoders=decoders, absent=absent)
    for kind in (0, 1):
        mine, theirs = of_kind(encoders, kind), of_kind(decoders, kind)
        for part, names in (("encoder", mine), ("decoder", theirs)):
            if names:
                each_kind = dict.fromkeys(TASKS, kind)
                alone = play(method, names, absent=absent, **{f"{part}s": each_kind})  # type: ignore[arg-type]
                for one, other in zip(found, alone, strict=True):
                    same_of(part, one, other)  # type: ignore[arg-type]


MIXED: dict[str, Any] = {
    "encoders": {"a": 1, "b": 0, "c": 1, "d": 0, "e": 0},
    "decoders": {"a": 0, "b": 0, "c": 1, "d": 1, "e": 0},
}


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"official"}))
def test_the_order_of_clients_of_several_families_only_orders_the_answer(method: str) -> None:
    first, second = (play(method, names, **MIXED)[-1].state.parameters for names in (tuple("abcde"), tuple("debca")))
    assert list(second) == list("debca")
    for name, theirs in first.items():
        torch.testing.assert_close(second[name].encoder, theirs.encoder, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(second[name].decoders, theirs.decoders, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_family_of_which_nobody_answers_stays_as_it_was(method: str) -> None:
    found = play(method, absent={1: {"a", "c"}}, **MIXED)
    alone = play(method, ("b", "d", "e"))
    for one, other in zip(found, alone, strict=True):
        same_of("encoder", one, other)
    before, after = found[0].state, found[1].state
    for name in ("a", "c"):
        assert same_parameters(before.parameters[name], after.parameters[name])
    assert same_bits(before.memories[0], after.memories[0])
    line = journal.entry(found[1])
    assert line["encoder"]["mixing"][0] == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert line["encoder"]["gram"][0] == [None] * 5


def test_the_journal_holds_all_families_in_one_and_says_who_is_in_which() -> None:
    first = play("fedhca2", **MIXED)[0]
    line = journal.entry(first)
    mixing, gram = line["encoder"]["mixing"], line["encoder"]["gram"]
    for i, mine in enumerate(MIXED["encoders"].values()):
        for j, theirs in enumerate(MIXED["encoders"].values()):
            assert (mixing[i][j] != 0) == (mine == theirs)
            assert (gram[i][j] is None) == (mine != theirs)
    assert all(isinstance(value, float) for value in line["encoder"]["alpha"])
    layers = [sum(value is not None for value in row) for row in line["decoder"]["beta"]]
    assert layers == [1, 1, 1, 3, 3, 3, 1]  # as many as each decoder's layout has
    assert len(line["decoder"]["attention_entropy"]) == 2 + 3  # of the tensors of one, then of the other
    assert line["families"] == architectures(first.state.roster.families)
    assert [each["clients"] for each in line["families"]["decoder"]] == [["a", "b", "e"], ["c", "d"]]


def test_updates_are_held_against_those_of_their_own_family() -> None:
    """Of two architectures one may move a thousand times as far; what is long is so among its like."""
    every = {"encoders": {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1}, "decoders": dict.fromkeys(TASKS, 0)}
    found = play("fedavg", scales={"b": 50.0}, guard=Guard(bound=4.0), **every)  # type: ignore[arg-type]
    assert found[0].shortened.keys() == {"b"}
    alone = dict.fromkeys(TASKS, 0) | {"a": 1}
    far = play("fedavg", scales={"a": 1e3}, guard=Guard(bound=2.0, reject=4.0), encoders=alone, decoders=alone)
    assert [(each.missing, each.shortened) for each in far] == [({}, {})] * ROUNDS
