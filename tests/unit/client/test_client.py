import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fedhca.client import Client, Step
from fedhca.client.clients import Clients
from fedhca.client.home_tensors import home_tensors
from fedhca.client.training import Schedule
from fedhca.config.federation import Site
from fedhca.errors import ClientError, RecipeError, RunFolderError
from fedhca.wire.messages import EvaluateRequest, LocalRule, TrainRequest
from fedhca.wire.parameters import Parameters
from tiny import (
    FEDERATION,
    TRAINING,
    Pictures,
    client,
    encoder,
    equal,
    participant,
    same_bits,
    same_parameters,
    train,
)


def several(epochs: int, *tasks: str, dropout: float = 0.1, **changes: Any) -> Client:
    """Return a client with so many local epochs; `changes` are of its federation."""
    federation = FEDERATION.model_copy(update=changes)
    return Clients(federation, encoder=encoder(dropout)).make(replace(participant("a", *tasks), local_epochs=epochs))


def training(**changes: Any) -> Any:
    return TRAINING.model_copy(update=changes)


def measured(subject: Client) -> dict[str, float]:
    return dict(subject.evaluate(EvaluateRequest(subject.name, subject.state.rounds, subject.model.collect())).metrics)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whole(subject: Client) -> dict[str, Tensor]:
    held = subject.model.collect()
    return {
        **home_tensors(subject.model, subject.state.trainer.optimiser),
        "encoder": held.encoder,
        "decoders": held.decoders,
    }


def test_hello_says_who_what_and_how_much() -> None:
    hello = client("semseg", "depth", name="b").hello()
    assert (hello.client, hello.dataset, hello.tasks, hello.examples) == ("b", "b", ("semseg", "depth"), 5)
    assert hello.parameters.encoder.shape == (hello.encoder_layout.width,)
    assert hello.parameters.decoders.shape == (2, hello.decoder_layout.width)


def test_training_learns() -> None:
    subject = client("depth", rounds=30, training=training(learning_rate=3e-2))
    losses = [train(subject, number).losses["depth"] for number in range(30)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("other", [{"seed": 1}, {"name": "b"}])
def test_the_same_seed_brings_the_same_bits_and_another_does_not(other: dict[str, Any]) -> None:
    def trained(**options: Any) -> Client:
        subject = client("semseg", "depth", **options)
        start = client("semseg", "depth").model.collect()
        torch.manual_seed(0)  # the common generator must not matter
        torch.rand(options.get("seed", 3) + 5)
        train(subject, 0, start)
        return subject

    assert same_bits(whole(trained()), whole(trained()))
    assert not equal(trained().model.collect().encoder, trained(**other).model.collect().encoder)


def test_training_draws_nothing_from_the_common_generator() -> None:
    subject, drawn = client("depth"), torch.random.get_rng_state()
    train(subject, 0)
    assert torch.equal(drawn, torch.random.get_rng_state())


def test_workers_do_not_change_a_bit() -> None:
    subjects = [client("semseg", "depth", site=Site(workers=workers)) for workers in (0, 2)]
    replies = [train(subject, 0) for subject in subjects]
    assert replies[0].losses == replies[1].losses
    assert same_bits(whole(subjects[0]), whole(subjects[1]))
    assert measured(subjects[0]) == measured(subjects[1])


def test_two_rounds_of_one_epoch_are_one_round_of_two() -> None:
    """Where nothing is mixed and nothing is dropped at random, rounds are only pauses: moments and rates go on."""
    twice = client("semseg", "depth", dropout=0, rounds=2)
    once = several(2, "semseg", "depth", dropout=0, rounds=1)
    first, second = train(twice, 0), train(twice, 1)
    both = train(once, 0)
    assert same_bits(whole(twice), whole(once))
    for task, loss in both.losses.items():
        assert (first.losses[task] + second.losses[task]) / 2 == pytest.approx(loss)


def test_steps_are_watched_and_their_mean_is_the_loss_of_the_round() -> None:
    seen: list[Step] = []
    subject = several(3, "depth")
    subject.on_step = seen.append
    reply = train(subject, 0)
    assert [(step.client, step.round, step.step, step.steps) for step in seen] == [("a", 0, k, 6) for k in range(1, 7)]
    assert reply.losses["depth"] == pytest.approx(sum(step.losses["depth"] for step in seen) / 6)


def test_every_local_epoch_runs_at_its_rate() -> None:
    setting = training(warmup_epochs=2)
    rates: list[float] = []
    subject = several(2, "depth", rounds=3, training=setting)
    subject.on_step = lambda step: rates.append(subject.state.trainer.optimiser.param_groups[0]["lr"])
    for number in range(3):
        train(subject, number)
    assert rates == [Schedule.of(setting, 3 * 2).rate(epoch) for epoch in range(6) for _ in range(2)]


def test_the_pull_keeps_a_client_near_what_it_received() -> None:
    def strayed(pull: float) -> float:
        subject = several(4, "depth", training=training(warmup_epochs=0))
        received = subject.model.collect()
        return float((train(subject, 0, received, pull).parameters.encoder - received.encoder).norm())

    assert strayed(100.0) < 0.7 * strayed(0.0)


def test_what_is_received_replaces_what_is_held() -> None:
    subject, other = client("depth"), client("depth")
    train(subject, 0)
    zero = Parameters(
        torch.zeros_like(subject.model.collect().encoder), torch.zeros_like(subject.model.collect().decoders)
    )
    other.model.install(zero)
    for each in (subject, other):
        each.evaluate(EvaluateRequest("a", each.state.rounds, zero))
        assert same_parameters(each.model.collect(), zero)


@pytest.mark.parametrize("tasks", [("semseg",), ("depth", "edge"), ("sal", "normals")])
def test_evaluation_does_not_hang_on_the_batch_size(tasks: tuple[str, ...]) -> None:
    found = [measured(client(*tasks, training=training(batch_size=size))) for size in (1, 2, 5)]
    assert found[0].keys() == {*tasks}
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert found[2] == pytest.approx(found[0], rel=1e-5)


def test_evaluation_changes_nothing() -> None:
    subject = client("semseg", "depth")
    train(subject, 0)
    before = {name: each.clone() for name, each in whole(subject).items()}
    subject.model.train()
    assert measured(subject) == measured(subject)
    assert same_bits(before, whole(subject))
    assert subject.model.training


def test_a_batch_can_be_tried_without_learning_from_it() -> None:
    subject = client("semseg", "depth")
    before = subject.model.collect()
    subject.try_batch()
    assert same_parameters(before, subject.model.collect())


# States on disk


def saving(folder: Path, **options: Any) -> Client:
    return client("semseg", "depth", folder=folder, **options)


def test_a_client_goes_back_to_a_saved_round_with_the_same_bits(tmp_path: Path) -> None:
    whole_run, broken = saving(tmp_path / "one"), saving(tmp_path / "two")
    sent = [train(subject, 0).parameters for subject in (whole_run, broken)]
    later = [train(whole_run, number, sent[0]) for number in (1, 2)]
    again = saving(tmp_path / "two")
    for number in (1, 2):
        reply = train(again, number, sent[1])
        assert same_parameters(reply.parameters, later[number - 1].parameters)
        assert reply.losses == later[number - 1].losses
    assert same_bits(whole(again), whole(whole_run))


def test_a_client_in_memory_goes_back_too(tmp_path: Path) -> None:
    subject = saving(tmp_path)
    start = subject.model.collect()
    sent = train(subject, 0, start).parameters
    first = train(subject, 1, sent)
    second = train(subject, 1, sent)
    assert same_parameters(first.parameters, second.parameters)


@pytest.mark.parametrize(("every", "left"), [(1, [3, 4, 5]), (3, [3, 5]), (9, [5])])
def test_states_are_saved_every_so_many_rounds_and_after_the_last(tmp_path: Path, every: int, left: list[int]) -> None:
    subject = saving(tmp_path, checkpoint_every=every, rounds=5)
    for number in range(5):
        train(subject, number)
    assert sorted(path.stem for path in tmp_path.glob("*")) == [f"after-{rounds:06d}" for rounds in left]


def test_without_a_folder_a_client_cannot_go_elsewhere() -> None:
    subject = client("depth")
    train(subject, 0)
    with pytest.raises(ClientError, match=r"'a' holds its state after 1 rounds.*after 3.*folder"):
        train(subject, 3)
    train(subject, 0)  # where it began it can go again
    with pytest.raises(ClientError, match="after 2"):
        train(subject, 2)


@pytest.mark.parametrize("saved", [True, False])
def test_the_first_round_can_be_had_again_with_the_same_bits(tmp_path: Path, saved: bool) -> None:
    subject = client("semseg", "depth", folder=tmp_path if saved else None)
    start = subject.model.collect()
    first, again = train(subject, 0, start), train(subject, 0, start)
    assert same_parameters(first.parameters, again.parameters)
    assert first.losses == again.losses


def test_what_did_not_count_was_in_vain(tmp_path: Path) -> None:
    """The answers of rounds 2 and 3 were lost: the client goes on from its state after the first, as if never asked."""
    undisturbed, subject = saving(tmp_path / "one"), saving(tmp_path / "two")
    held = train(undisturbed, 0).parameters
    train(subject, 0)
    for number in (1, 2):
        subject.train(TrainRequest("a", number, held, LocalRule(), since=1))
    for each in (subject, saving(tmp_path / "two")):  # in memory, and begun anew
        found = each.train(TrainRequest("a", 3, held, LocalRule(), since=1))
        expected = undisturbed.train(TrainRequest("a", 3, held, LocalRule(), since=1))
        assert same_parameters(found.parameters, expected.parameters)
        assert same_bits(whole(each), whole(undisturbed))
        question = EvaluateRequest("a", 4, held, since=4)
        assert each.evaluate(question).metrics == undisturbed.evaluate(question).metrics


def test_after_training_broke_off_a_client_goes_on_from_the_round_before(tmp_path: Path) -> None:
    undisturbed, subject = saving(tmp_path / "one"), saving(tmp_path / "two")
    held = train(undisturbed, 0).parameters
    train(subject, 0)

    def stop(step: Step) -> None:
        if step.step == 2:
            raise ClientError("The plug was pulled.")

    subject.on_step = stop
    with pytest.raises(ClientError, match="plug"):
        train(subject, 1, held)
    subject.on_step = None
    assert same_parameters(train(subject, 1, held).parameters, train(undisturbed, 1, held).parameters)
    assert same_bits(whole(subject), whole(undisturbed))
    forgetful = client("depth")
    forgetful.on_step = stop
    train(client("depth"), 0)
    with pytest.raises(ClientError, match="plug"):
        train(forgetful, 0)
    with pytest.raises(ClientError, match="in the middle of a round"):
        train(forgetful, 3)


def test_a_round_that_was_not_saved_is_not_there(tmp_path: Path) -> None:
    subject = saving(tmp_path)
    train(subject, 0)
    with pytest.raises(RunFolderError, match="after-000003"):
        train(subject, 3)


@pytest.mark.parametrize("number", [4, 999_999_999])
def test_a_round_that_the_run_does_not_have_is_refused_and_drops_no_state(tmp_path: Path, number: int) -> None:
    subject = saving(tmp_path)
    for each in range(3):
        train(subject, each)
    before, held = files(tmp_path), subject.model.collect()
    with pytest.raises(ClientError, match=rf"Client 'a' .* rounds up to 4, the last of the run\. Found {number + 1}\."):
        subject.train(TrainRequest("a", number, held, LocalRule(), since=3))
    with pytest.raises(ClientError, match="rounds up to 4"):
        subject.evaluate(EvaluateRequest("a", number + 1, held, since=3))
    assert files(tmp_path) == before
    train(subject, 3)


def test_metrics_of_a_model_that_is_not_finite_are_nan() -> None:
    subject = client("semseg", "depth", "edge", "sal", "normals")
    for head in subject.model.heads.values():
        spoil(next(head.parameters()), torch.nan)
    assert all(math.isnan(value) for value in measured(subject).values())


def test_what_is_handed_out_has_to_be_finite(tmp_path: Path) -> None:
    subject = saving(tmp_path)
    train(subject, 0)
    before, held = files(tmp_path), subject.model.collect()
    held.encoder[0] = torch.nan
    for ask in (lambda: train(subject, 1, held), lambda: subject.evaluate(EvaluateRequest("a", 1, held))):
        with pytest.raises(ClientError, match="Client 'a' should be handed out finite parameters"):
            ask()
    assert files(tmp_path) == before


def test_an_update_beyond_float32_is_refused_before_what_is_owed_of_it_is_kept(tmp_path: Path) -> None:
    subject = saving(tmp_path)
    held = subject.model.collect()
    held.encoder[:] = -3.4e38
    encoder: Any = subject.model.encoder
    subject._round = lambda *words: spoil(encoder.first.weight, 3.4e38) or {}  # type: ignore[method-assign, func-returns-value]
    with pytest.raises(ClientError, match="The update of client 'a' should be finite"):
        subject.train(TrainRequest("a", 0, held, LocalRule(), answer="int8"))
    assert files(tmp_path) == {}


def test_the_state_of_another_client_is_refused(tmp_path: Path) -> None:
    train(saving(tmp_path, name="b"), 0)
    with pytest.raises(RunFolderError, match=r"state of 'a' after 1 rounds.*'b'"):
        train(saving(tmp_path), 1)


# What stops a client


def broken(kind: str, folder: Path) -> Client:
    """Return a client whose second round fails."""
    subject = client("edge", folder=folder)
    train(subject, 0)
    if kind == "loss":
        pictures = Pictures(5)
        pictures.images[:] = 3e38  # finite; its convolution is not
        subject.participant = replace(subject.participant, train=pictures)
    else:
        encoder: Any = subject.model.encoder
        parts: dict[str, Callable[[], Tensor]] = {
            "update": lambda: encoder.first.weight,
            "head": lambda: next(subject.model.heads.parameters()),
            "buffer": lambda: encoder.norm.running_var,
            "moment": lambda: next(iter(subject.state.trainer.optimiser.state.values()))["exp_avg_sq"],
        }
        subject.on_step = lambda step: spoil(parts[kind]()) if step.step == step.steps else None
    return subject


def spoil(part: Tensor, value: float = torch.inf) -> None:
    with torch.no_grad():
        part.fill_(value)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("loss", "loss of task `edge`"),
        ("update", "update should be finite.*`encoder.first.weight`"),
        ("head", "update should be finite.*`heads.edge.0.weight`"),
        ("buffer", "update should be finite.*`buffer/encoder.norm.running_var`"),
        ("moment", "update should be finite.*`optimiser/.*/exp_avg_sq`"),
    ],
)
def test_what_is_not_finite_names_client_and_round_and_saves_nothing(tmp_path: Path, kind: str, word: str) -> None:
    subject = broken(kind, tmp_path)
    before = files(tmp_path)
    with pytest.raises(ClientError, match=rf"{word}.*client 'a', round 2.*learning_rate"):
        train(subject, 1)
    assert files(tmp_path) == before


@pytest.mark.parametrize(("train_count", "test_count", "what"), [(0, 1, "training"), (1, 0, "test")])
def test_a_client_needs_pictures(train_count: int, test_count: int, what: str) -> None:
    someone = replace(participant("x", "depth"), train=Pictures(train_count), test=Pictures(test_count))
    with pytest.raises(RecipeError, match=rf"'x' should have {what} pictures"):
        Clients(FEDERATION, encoder=encoder()).make(someone)


def test_a_share_smaller_than_a_batch_is_said_once() -> None:
    with pytest.warns(UserWarning, match=r"'a' has 5 training pictures, less than a batch of 8"):
        subject = client("depth", training=training(batch_size=8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(subject, 0)
    assert subject.state.rounds == 1
