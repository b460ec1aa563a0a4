"""Whole methods through the server's rounds: degenerate settings, one client alone, order and names."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
import zoo
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.config.federation import ClientEntry, Federation
from fedhca.methods import METHODS, Method, make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.rounds import initial_state, rounds
from fedhca.server.state import Round
from fedhca.wire.messages import Hello, LocalRule, TrainRequest
from fedhca.wire.parameters import Parameters

ENCODER, DECODER = zoo.LAYOUTS["layers of different widths"], zoo.LAYOUTS["a weight and its bias"]
FEDERATIONS = {
    "five single-task and one multi-task": zoo.members(6),
    "one client alone": zoo.members(1),
    "one multi-task client alone": (Member("all", "nyud", ("semseg", "depth", "normals")),),
}


def hello(member: Member) -> Hello:
    return Hello(
        member.client,
        member.dataset,
        member.tasks,
        member.examples,
        ENCODER,
        DECODER,
        Parameters(
            drawn(member.client, 0, 1, ENCODER.width)[0], drawn(member.client, 1, len(member.tasks), DECODER.width)
        ),
    )


def drawn(client: str, number: int, m: int, width: int) -> Tensor:
    seed = sum(1000**place * byte for place, byte in enumerate(client.encode()[-4:])) + number
    return torch.randn(m, width, generator=torch.Generator().manual_seed(seed))


def train(request: TrainRequest) -> Parameters:
    """Move by chance; one number in eight ends at −0, which must come back as it is."""
    given = request.parameters
    t = len(given.decoders)
    encoder = given.encoder + 0.1 * drawn(request.client, 2 + 2 * request.round, 1, ENCODER.width)[0]
    decoders = given.decoders + 0.1 * drawn(request.client, 3 + 2 * request.round, t, DECODER.width)
    encoder[::8] = -0.0
    decoders[:, ::8] = -0.0
    return Parameters(encoder, decoders)


def play(method: Method, members: Sequence[Member], until: int = 4) -> list[Round]:
    runtime = ScriptedRuntime([hello(member) for member in members], train)
    roster = ClientRegistry.of(runtime.hello(), [member.client for member in members])
    clients = tuple(ClientEntry(name=each.client, dataset=each.dataset, tasks=each.tasks) for each in members)
    federation = Federation(rounds=until, clients=clients)
    return list(rounds(method, runtime, initial_state(method, roster, runtime.hello(), federation), federation))


def bits(tensor: Tensor) -> Tensor:
    return tensor.view(torch.int32)


OFF: dict[str, Any] = {"hyper_learning_rate": 0.0, "alpha": 0.0, "beta": 0.0}
ALIKE: Mapping[str, tuple[Method, Method]] = {
    "fedhca2 with α = β = 0 at rest, no groups": (make_method("fedhca2", groups="off", **OFF), make_method("local")),
    "the same, with the options of the released code": (
        make_method(
            "fedhca2", groups="off", solver="official", logits="raw", hyper_gradient="raw", bounds="clamp", **OFF
        ),
        make_method("local"),
    ),
    "fedavg without both of its rules": (make_method("fedavg", encoder="local", decoder="local"), make_method("local")),
    "fedavg by the parts of others": (
        make_method("local", encoder="fedavg", decoder="fedavg"),
        make_method("fedavg"),
    ),
    "fedprox on the server": (make_method("fedprox"), make_method("fedavg")),
    "fedprox with options of fedavg": (
        make_method("fedprox", decoder_scope="same_task", by_examples=True),
        make_method("fedavg", decoder_scope="same_task", by_examples=True),
    ),
    "ditto on the server": (make_method("ditto"), make_method("fedavg")),
    "fedper by the parts of others": (make_method("fedavg", decoder="local"), make_method("fedper")),
    "fedamp with κ = 0": (make_method("fedamp", kappa=0.0), make_method("local")),
    "encoders of fedamp with κ = 0": (
        make_method("fedamp", kappa=0.0, decoder="fedavg"),
        make_method("local", decoder="fedavg"),
    ),
    "decoders of fedamp with κ = 0": (
        make_method("fedamp", kappa=0.0, encoder="fedavg"),
        make_method("fedper", encoder="fedavg"),
    ),
    "raw fedamp with α = 0": (make_method("fedamp", kernel="raw", alpha=0.0), make_method("local")),
    "matfl with one group": (make_method("matfl", groups=1), make_method("fedper")),
    "matfl with one group, by updates": (make_method("matfl", groups=1, signal="updates"), make_method("fedper")),
    "matfl with a group for each": (make_method("matfl", groups=6), make_method("local")),
    "fedrep on the server": (make_method("fedrep"), make_method("fedper")),
    "fedbn where decoders have no norms": (
        make_method("fedbn", encoder="local"),
        make_method("fedavg", encoder="local"),
    ),
    "colnet's encoders without exchange between groups": (
        make_method("colnet", alpha=0.0, encoder="local"),
        make_method("fedavg", decoder_scope="same_task", encoder="local"),
    ),
    "multi-krum where nobody lies": (make_method("multikrum", byzantine=0), make_method("fedper")),
    "weighted sum of weight 0 at rest": (
        make_method("fedhca2_sum", weight=0.0, hyper_learning_rate=0.0, encoder="local"),
        make_method("local"),
    ),
}


@pytest.mark.parametrize("pair", ALIKE)
@pytest.mark.parametrize("federation", FEDERATIONS)
def test_degenerate_settings_are_other_methods_bit_for_bit(pair: str, federation: str) -> None:
    for one, other in zip(*(play(method, FEDERATIONS[federation]) for method in ALIKE[pair]), strict=True):
        assert torch.equal(bits(one.state.encoders), bits(other.state.encoders))
        assert torch.equal(bits(one.state.decoders), bits(other.state.decoders))
    assert (one.state.encoders == 0).any()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("federation", FEDERATIONS)
def test_every_method_works_with_any_mix_of_clients(name: str, federation: str) -> None:
    members = FEDERATIONS[federation]
    last = play(make_method(name), members)[-1].state
    assert last.round == 4
    assert last.encoders.shape == (len(members), ENCODER.width)
    assert last.decoders.shape == (sum(len(member.tasks) for member in members), DECODER.width)
    assert last.encoders.isfinite().all()
    assert last.decoders.isfinite().all()
    assert last.encoders.dtype == last.decoders.dtype == torch.float32


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"official"}))
def test_the_order_of_clients_only_orders_the_answer(name: str) -> None:
    members = FEDERATIONS["five single-task and one multi-task"]
    order = [4, 1, 5, 0, 3, 2]
    first, second = (play(make_method(name), each)[-1].state for each in (members, [members[i] for i in order]))
    torch.testing.assert_close(second.encoders, first.encoders[order], rtol=1e-5, atol=1e-5)
    slots = [(member.client, task) for member in members for task in member.tasks]
    moved = [slots.index((members[i].client, task)) for i in order for task in members[i].tasks]
    torch.testing.assert_close(second.decoders, first.decoders[moved], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_federation_of_one_keeps_to_itself_unless_hyper_weights_push(name: str) -> None:
    found = play(make_method(name), FEDERATIONS["one multi-task client alone"], until=1)[0]
    sent = train(TrainRequest("all", 0, hello(FEDERATIONS["one multi-task client alone"][0]).parameters, LocalRule()))
    update = sent.encoder - hello(FEDERATIONS["one multi-task client alone"][0]).parameters.encoder
    step = 1.4 / 1.16  # Ũ over Δ where there is one client: (1 + c) / (1 + c²)
    pushes = {"fedhca2": 0.1 * step, "official": 0.1 * step, "fedhca2_sum": 0.1 * step, "colnet": 0.1 * step}
    push = {**pushes, "cagrad": step - 1}.get(name, 0.0)
    torch.testing.assert_close(found.state.encoders[0], sent.encoder + push * update, rtol=1e-5, atol=1e-6)
