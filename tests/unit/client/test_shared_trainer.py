"""Clients of one kind take turns in one trainer, and learn what they would have learnt in trainers of their own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fedhca.client.client import Client
from fedhca.client.clients import Clients
from fedhca.config.federation import Site, Storage
from fedhca.errors import RecipeError
from fedhca.runtimes.local import LocalRuntime
from fedhca.wire.messages import EvaluateRequest, LocalRule, TrainRequest
from tiny import FEDERATION, encoder, participant

THREE = FEDERATION.model_copy(update={"rounds": 3})
NAMES = ("a", "b", "c")


def federation(folder: Path | None = None, *, shared: bool, states: Storage = "memory") -> list[Client]:
    together = Clients(THREE, Site(states=states), encoder())
    return [
        (together if shared else Clients(THREE, Site(states=states), encoder())).make(
            participant(name, "depth", "semseg"), folder and folder / name
        )
        for name in NAMES
    ]


def play(clients: list[Client], rule: LocalRule) -> list[Any]:
    """Train everybody from where it arrived, then evaluate everybody, three times over."""
    now, told = {client.name: client.hello().parameters for client in clients}, []
    for number in range(THREE.rounds):
        for client in clients:
            reply = client.train(TrainRequest(client.name, number, now[client.name], rule))
            now[client.name] = reply.parameters.plain
            told += [reply.losses, reply.parameters.encoder, reply.parameters.decoders]
        for client in clients:
            told.append(client.evaluate(EvaluateRequest(client.name, number + 1, now[client.name], rule)).metrics)
    return told


def alike(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@pytest.mark.parametrize("rule", [LocalRule(), LocalRule(0.1, "own"), LocalRule(0.1, "trained")], ids=str)
@pytest.mark.parametrize("states", ["memory", "disk"])
def test_sharing_a_trainer_changes_no_bit(rule: LocalRule, states: Storage, tmp_path: Path) -> None:
    alone = play(federation(shared=False), rule)
    clients = federation(tmp_path, shared=True, states=states)
    assert len({id(client.state.shared) for client in clients}) == 1
    assert all(alike(*pair) for pair in zip(alone, play(clients, rule), strict=True))


def test_clients_of_other_tasks_or_another_architecture_have_a_trainer_of_their_own() -> None:
    clients = Clients(THREE, encoder=encoder())
    people = [
        participant("a", "depth"),
        participant("b", "semseg"),
        replace(participant("c", "depth"), width=12),
        replace(participant("d", "depth"), encoder=encoder()),
        replace(participant("e", "depth"), joins=2, local_epochs=3),
    ]
    made = [clients.make(each).state.shared for each in people]
    assert [made.index(each) for each in made] == [0, 1, 2, 3, 0]


def test_a_state_on_disk_leaves_nothing_in_memory(tmp_path: Path) -> None:
    first, *_ = clients = federation(tmp_path, shared=True, states="disk")
    play(clients, LocalRule())
    first.train(TrainRequest("a", 2, first.model.collect(), LocalRule(), 2))
    assert first.state.home.tensors == {}
    assert not first.state.shared.trainer.optimiser.state


@pytest.mark.parametrize(
    ("every", "folder", "line"),
    [
        (1, None, "on disk should have a folder.*Give `out`"),
        (2, Path("x"), "`states: disk` needs `checkpoint_every: 1`. Found 2"),
    ],
)
def test_a_state_on_disk_needs_a_folder_with_every_round(every: int, folder: Path | None, line: str) -> None:
    federation = THREE.model_copy(update={"checkpoint_every": every})
    with pytest.raises(RecipeError, match=line):
        Clients(federation, Site(states="disk"), encoder()).make(participant("a", "depth"), folder)


def test_those_who_share_a_trainer_introduce_themselves_with_one_copy() -> None:
    """At hundreds of clients of Swin-T's size, a copy for each would be tens of gigabytes."""
    hellos = list(LocalRuntime(federation(shared=True)).hello())
    assert len(hellos) == len(NAMES)
    assert len({hello.parameters.encoder.data_ptr() for hello in hellos}) == 1
    apart = list(LocalRuntime(federation(shared=False)).hello())
    assert all(
        torch.equal(one.parameters.encoder, other.parameters.encoder) for one, other in zip(hellos, apart, strict=True)
    )
