"""Clients of one kind take turns in one module, and learn what they would have learnt in modules of their own."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fedhca.client.client import Client
from fedhca.client.training import Training
from fedhca.errors import RecipeError
from fedhca.experiment.participant import Clients
from fedhca.messages import EvaluateRequest, LocalRule, TrainRequest
from fedhca.runtimes.local import LocalRuntime
from tiny import WIDTH, encoder, participant

TRAINING = Training(rounds=3, batch_size=2, learning_rate=1e-2, warmup_epochs=1)
NAMES = ("a", "b", "c")


def federation(folder: Path | None = None, *, shared: bool, **options: Any) -> list[Client]:
    together = Clients(encoder(), width=WIDTH)
    return [
        (together if shared else Clients(encoder(), width=WIDTH)).make(
            participant(name, "depth", "semseg"), TRAINING, folder=folder and folder / name, **options
        )
        for name in NAMES
    ]


def play(clients: list[Client], rule: LocalRule) -> list[Any]:
    """Train everybody from where it arrived, then evaluate everybody, three times over."""
    now, told = {client.name: client.hello().parameters for client in clients}, []
    for number in range(TRAINING.rounds):
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
@pytest.mark.parametrize("rests", ["memory", "disk"])
def test_sharing_a_module_changes_no_bit(rule: LocalRule, rests: str, tmp_path: Path) -> None:
    alone = play(federation(shared=False), rule)
    clients = federation(tmp_path, shared=True, rests=rests)
    assert len({id(client.resident) for client in clients}) == 1
    assert all(alike(*pair) for pair in zip(alone, play(clients, rule), strict=True))


def test_clients_of_other_tasks_or_training_have_a_module_of_their_own() -> None:
    clients = Clients(encoder(), width=WIDTH)
    other = Training(rounds=3, batch_size=2, learning_rate=2e-2, warmup_epochs=1)
    made = [
        clients.make(participant("a", "depth"), TRAINING),
        clients.make(participant("b", "semseg"), TRAINING),
        clients.make(participant("c", "depth"), other),
        clients.make(participant("d", "depth"), TRAINING),
    ]
    assert [clients.residents.index(each.resident) for each in made] == [0, 1, 2, 0]


def test_a_state_that_rests_on_disk_leaves_nothing_in_memory(tmp_path: Path) -> None:
    first, *_ = clients = federation(tmp_path, shared=True, rests="disk")
    play(clients, LocalRule())
    first.train(TrainRequest("a", 2, first.model.collect(), LocalRule(), 2))
    assert first.home.tensors == {}
    assert not first.resident.learner.optimiser.state


@pytest.mark.parametrize("options", [{}, {"save_every": 2, "folder": Path("somewhere")}])
def test_resting_on_disk_needs_a_folder_with_every_round(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="should have a folder"):
        Clients(encoder(), width=WIDTH).make(participant("a", "depth"), TRAINING, rests="disk", **options)


def test_those_who_share_a_module_introduce_themselves_with_one_copy() -> None:
    """At hundreds of clients of Swin-T's size, a copy for each would be tens of gigabytes."""
    hellos = list(LocalRuntime(federation(shared=True)).hello())
    assert len(hellos) == len(NAMES)
    assert len({hello.parameters.encoder.data_ptr() for hello in hellos}) == 1
    apart = list(LocalRuntime(federation(shared=False)).hello())
    assert all(
        torch.equal(one.parameters.encoder, other.parameters.encoder) for one, other in zip(hellos, apart, strict=True)
    )
