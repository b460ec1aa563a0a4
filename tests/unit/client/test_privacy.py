import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fedhca.client import uplink
from fedhca.client.client import Client
from fedhca.client.clients import Clients
from fedhca.client.privacy import blur, epsilon
from fedhca.config.federation import Privacy, TransferDtype
from fedhca.engines.client_host import ClientHost
from fedhca.errors import ClientError, DataError, FedhcaError, RecipeError
from fedhca.storage.state_folder import StateFolder
from fedhca.storage.tensor_file import under
from fedhca.wire.compression import Compressed, difference, total
from fedhca.wire.encoding import to_wire
from fedhca.wire.messages import EvaluateRequest, LocalRule, TrainRequest
from fedhca.wire.parameters import Parameters
from tiny import FEDERATION, client, encoder, equal, participant, same_bits, same_parameters, train

BLURRED = Privacy(clip=1e-3, noise=0.5)
SHORT = Privacy(clip=1e-4, noise=0.0)
PRIVATE = FEDERATION.model_copy(update={"privacy": BLURRED})


def length(update: Parameters) -> float:
    return math.hypot(float(update.encoder.norm()), float(update.decoders.norm()))


def ask(subject: Client, start: Parameters, form: TransferDtype = "float32", **rule: Any) -> Parameters | Compressed:
    """Train the next round from the same parameters, and return what was sent."""
    return subject.train(
        TrainRequest(subject.name, subject.state.rounds, start, LocalRule(**rule), answer=form)
    ).parameters


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"clip": 0.0, "noise": 1.0}, r"^Privacy: `clip` should be a number, above 0.*Found 0\.0\."),
        ({"clip": math.inf, "noise": 1.0}, "`clip` should be a number.*Found inf"),
        ({"clip": math.nan, "noise": 1.0}, "`clip` should be a number.*Found nan"),
        ({"clip": 1.0, "noise": -0.1}, r"^Privacy: `noise` should be a number, at least 0.*Found -0\.1\."),
        (
            {"clip": 1.0, "noise": 1.0, "delta": 0.0},
            r"^Privacy: `delta` should be a number, above 0 and below 1.*Found 0\.0\.",
        ),
        ({"clip": 1.0, "noise": 1.0, "delta": 1.0}, r"`delta` should be .* below 1.*Found 1\.0\."),
    ],
)
def test_what_would_not_protect_is_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(RecipeError, match=word):
        Privacy(**options)


def test_encoder_and_decoders_are_shortened_as_one_vector() -> None:
    update = Parameters(torch.tensor([3.0, 0.0]), torch.tensor([[0.0, 4.0], [12.0, 0.0]]))  # of length 13
    found = blur(Privacy(clip=1.3, noise=0.0), update)
    assert torch.allclose(found.encoder, torch.tensor([0.3, 0.0]))
    assert torch.allclose(found.decoders, torch.tensor([[0.0, 0.4], [1.2, 0.0]]))


def test_nothing_was_given_away_before_the_first_answer_and_everything_without_noise() -> None:
    assert (epsilon(BLURRED, 0), epsilon(SHORT, 0)) == (0.0, 0.0)
    assert epsilon(SHORT, 1) == math.inf


@pytest.mark.parametrize("noise", [1e-3, 1e4])
def test_epsilon_has_no_edges_where_noise_is_tiny_or_vast(noise: float, recwarn: pytest.WarningsRecorder) -> None:
    found = epsilon(Privacy(clip=1.0, noise=noise), 50)
    rho = 2 * 50 / noise**2
    assert 0 <= found <= rho + 2 * math.sqrt(rho * math.log(1e5))
    assert not recwarn


def test_without_the_accountant_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(FedhcaError, match=r"pip install 'fedhca\[privacy\]'"):
        epsilon(BLURRED, 1)


# A private client


def test_a_client_sends_where_it_started_and_a_short_update_in_its_direction() -> None:
    start = client("depth").model.collect()
    plain, short = (difference(ask(client("depth", privacy=each), start).plain, start) for each in (None, SHORT))
    assert length(plain) > 2 * SHORT.clip
    assert length(short) == pytest.approx(SHORT.clip, rel=1e-3)
    assert torch.nn.functional.cosine_similarity(plain.encoder, short.encoder, dim=0) > 0.999
    assert float(plain.encoder.norm() / plain.decoders.norm()) == pytest.approx(
        float(short.encoder.norm() / short.decoders.norm()), rel=1e-2
    )


def test_two_runs_of_one_seed_differ_by_their_noise_alone() -> None:
    start = client("depth").model.collect()
    first, second = (client("depth", privacy=BLURRED) for _ in range(2))
    sent = [difference(ask(each, start).plain, start) for each in (first, second)]
    assert same_parameters(first.model.collect(), second.model.collect())
    apart = difference(sent[0], sent[1])
    numbers = apart.encoder.numel() + apart.decoders.numel()
    expected = BLURRED.noise * BLURRED.clip * math.sqrt(2 * numbers)
    assert length(apart) == pytest.approx(expected, rel=6 / math.sqrt(2 * numbers))


def test_what_is_seen_of_training_stays_home() -> None:
    seen: list[Any] = []
    subject = client("depth", "semseg", privacy=BLURRED, on_step=seen.append)
    reply = train(subject, 0)
    assert reply.losses == {}
    assert seen[0].losses.keys() == {"depth", "semseg"}  # at home it is as ever


@pytest.mark.parametrize("tells", [False, True])
def test_metrics_are_sent_only_where_that_was_agreed_on(tells: bool) -> None:
    subject = client("depth", privacy=BLURRED.model_copy(update={"metrics": tells}))
    reply = subject.evaluate(EvaluateRequest("a", 0, subject.model.collect()))
    assert [*reply.metrics] == (["depth"] if tells else [])


@pytest.mark.parametrize("keeps", ["received", "trained", "own"])
def test_whoever_asks_who_it_is_learns_nothing_of_what_it_learnt(keeps: str) -> None:
    """A server may ask again at any time; what the model holds then was never blurred."""
    subject = client("depth", privacy=BLURRED)
    start = subject.hello().parameters
    sent = ask(subject, start, keeps=keeps).plain
    subject.evaluate(EvaluateRequest("a", 1, sent, LocalRule(keeps=keeps)))  # type: ignore[arg-type]
    assert same_parameters(subject.hello().parameters, start)
    assert same_parameters(subject.hello(subject.model.collect()).parameters, start)


def test_nor_of_what_another_client_learnt_in_the_same_module() -> None:
    makes = Clients(PRIVATE, encoder=encoder())
    first = makes.make(participant("a", "depth"))
    start = first.hello().parameters
    ask(first, start)
    late = makes.make(participant("b", "depth"))
    assert late.state.shared is first.state.shared
    assert same_parameters(late.hello().parameters, start)


@pytest.mark.parametrize("form", ["bfloat16", "int8"])
def test_fewer_bits_leave_over_what_was_blurred_and_nothing_else(
    form: TransferDtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all answers say, and what is owed in the end, add up to all that was blurred: no other number is in it."""
    blurred: list[Parameters] = []

    def keep(privacy: Privacy, update: Parameters) -> Parameters:
        blurred.append(blur(privacy, update))
        return blurred[-1]

    monkeypatch.setattr(uplink, "blur", keep)
    subject = client("depth", privacy=BLURRED)
    start = subject.hello().parameters
    sent = [ask(subject, start, form).plain for _ in range(3)]
    assert subject.state.residual is not None
    added, given = subject.state.residual, blurred[0]
    for answer in sent:
        added = total(added, answer)
    for each in blurred[1:]:
        given = total(given, each)
    assert length(difference(added, given)) < 1e-3 * length(given)
    assert len(blurred) == len(sent)  # blurred once each


def test_what_a_method_keeps_at_home_is_not_blurred() -> None:
    start = client("depth").model.collect()
    plain, private = (client("depth", privacy=each) for each in (None, BLURRED))
    for each in (plain, private):
        ask(each, start, keeps="trained")
    assert plain.state.trained is not None
    assert private.state.trained is not None
    assert equal(plain.state.trained.encoder, private.state.trained.encoder)


# Where training breaks off


BREAKS_OFF = pytest.mark.filterwarnings("ignore:Client 'a' could not")


def scaled(start: Parameters, scale: float) -> Parameters:
    return Parameters(start.encoder, start.decoders * scale)


@BREAKS_OFF
def test_a_server_that_hands_out_scaled_decoders_is_always_answered_in_the_same_form_and_every_time_counted(
    tmp_path: Path,
) -> None:
    """At which scale a loss overflows depends on the labels: without privacy an error tells it."""
    subject, open_ = client("depth", folder=tmp_path, privacy=BLURRED), client("depth")
    start, scales = subject.model.collect(), [10.0**power for power in range(0, 39, 2)]
    forms, broken = set(), 0
    for scale in scales:
        sent = ClientHost({"a": lambda: subject}).answer(
            "a", to_wire(TrainRequest("a", 0, scaled(start, scale), LocalRule()))
        )
        forms.add(tuple((name, getattr(value, "shape", value)) for name, value in sent.items()))
        try:
            open_.train(TrainRequest("a", 0, scaled(start, scale), LocalRule()))
        except FedhcaError:
            broken += 1
    assert 0 < broken < len(scales)
    assert len(forms) == 1
    assert dict(forms.pop())["seconds"] == 0
    assert subject.ledger is not None
    assert subject.ledger.answers == len(scales)


def shut(subject: Client, fill: float) -> None:
    """Spoil the training pictures."""
    subject.participant.train.images[:] = fill  # type: ignore[attr-defined]


def raises(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("form", ["float32", "int8"])
@pytest.mark.parametrize("error", [ClientError("a"), DataError("a label"), ValueError("scale"), RuntimeError("x")])
def test_an_update_that_broke_off_is_zero_before_it_is_blurred_and_nothing_is_learnt(
    error: Exception, form: TransferDtype, tmp_path: Path
) -> None:
    without_noise = Privacy(clip=1.0, noise=0.0)  # to see the rest
    subject = client("depth", folder=tmp_path, privacy=without_noise)
    start = subject.model.collect()
    first = ask(subject, start, form, keeps="trained").plain
    received = total(start, first) if form != "float32" else first
    owed, before = subject.state.residual, StateFolder(tmp_path, "a").load(1)[0]
    subject.on_step = raises(error)
    with pytest.warns(UserWarning, match=r"Client 'a' could not train in round 2: .*nothing about it outside"):
        sent = ask(subject, received, form, keeps="trained").plain
    if owed is None:
        assert same_parameters(sent, received)
    else:
        expected = subject.state.residual
        assert expected is not None
        assert length(difference(total(sent, expected), owed)) < 1e-6  # what was owed, and nothing else
    after = StateFolder(tmp_path, "a").load(2)[0]
    assert same_bits(*(under("parameter/", each) for each in (before, after)))
    assert same_bits(*(under("optimiser/", each) for each in (before, after)))
    subject.on_step = None
    assert subject.hello().held == (1, 2)
    assert length(difference(ask(subject, received).plain, received)) > 0  # it goes on


def test_a_client_without_the_state_before_begins_anew() -> None:
    subject = client("depth", privacy=BLURRED)
    start = subject.model.collect()
    ask(subject, start)
    subject.on_step = raises(ClientError("broken"))
    with pytest.warns(UserWarning, match="could not train"):
        ask(subject, start)
    assert subject.state.rounds == 2
    assert same_bits(subject.state.tensors(), subject.state.shared.first)


@BREAKS_OFF
@pytest.mark.parametrize("fill", [1.0, 1e30])
def test_a_round_takes_as_many_steps_whether_it_breaks_off_or_not(fill: float) -> None:
    seen: list[Any] = []
    someone = replace(participant("a", "depth"), local_epochs=3)
    subject = Clients(PRIVATE, encoder=encoder()).make(someone, on_step=seen.append)
    shut(subject, fill)
    reply = train(subject, 0)
    assert [step.step for step in seen] == [1, 2, 3, 4, 5, 6]
    assert (reply.losses, reply.seconds) == ({}, 0.0)


@pytest.mark.parametrize("error", [OSError("a disk"), MemoryError()])
def test_what_is_wrong_with_the_machine_is_said(error: Exception) -> None:
    subject = client("depth", privacy=BLURRED)
    subject.on_step = raises(error)
    with pytest.raises(type(error)):
        train(subject, 0)


def test_an_evaluation_that_fails_is_answered_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = client("depth", privacy=BLURRED)
    request = EvaluateRequest("a", 0, subject.model.collect())
    usual = subject.evaluate(request)
    monkeypatch.setattr(type(subject.participant.tasks[0]), "measure", raises(ValueError("cannot convert NaN")))
    with pytest.warns(UserWarning, match="'a' could not be measured after round 0: cannot convert NaN"):
        assert subject.evaluate(request) == usual
    with pytest.raises(ValueError, match="NaN"):
        client("depth").evaluate(request)


# The count of its answers


def test_a_client_counts_before_it_looks_at_its_data(tmp_path: Path) -> None:
    subject = client("depth", folder=tmp_path, privacy=BLURRED)
    subject.on_step = raises(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train(subject, 0)
    assert subject.ledger is not None
    assert subject.ledger.answers == 1


def test_a_client_counts_before_it_answers_and_again_after_a_crash(tmp_path: Path) -> None:
    def begun() -> Client:
        return client("depth", folder=tmp_path, privacy=BLURRED)

    start, counts = begun().model.collect(), []
    for number in (0, 1, 1, 0):  # rounds done again count again
        subject = begun()
        train(subject, number, start)
        assert subject.ledger is not None
        counts.append(subject.ledger.answers)
    assert counts == [1, 2, 3, 4]


def test_an_answer_that_could_not_be_counted_is_not_given(tmp_path: Path) -> None:
    subject = client("depth", folder=tmp_path, privacy=BLURRED)
    (tmp_path / "privacy.json").mkdir()
    with pytest.raises(FedhcaError, match=r"privacy\.json"):
        train(subject, 0)


def test_a_state_bears_the_count_of_its_time_so_a_lost_or_older_count_is_refused(tmp_path: Path) -> None:
    """A client that joins in round 4 has a state after 4 rounds and one answer: rounds are no count."""
    subject = client("depth", folder=tmp_path, privacy=BLURRED)
    start, path = subject.model.collect(), tmp_path / "privacy.json"
    for number in (3, 3, 3):
        subject.train(TrainRequest("a", number, start, LocalRule(), since=0))
        if number == 3 and subject.ledger and subject.ledger.answers == 1:
            older = path.read_bytes()
    for left in (None, older):
        path.write_bytes(left) if left else path.unlink()
        again = client("depth", folder=tmp_path, privacy=BLURRED)
        with pytest.raises(FedhcaError, match=rf"privacy\.json' should count at least 3.*Found {1 if left else 0}"):
            train(again, 3, start)
    assert path.read_bytes() == older


def test_a_client_that_is_not_private_counts_nothing(tmp_path: Path) -> None:
    train(client("depth", folder=tmp_path), 0)
    assert not (tmp_path / "privacy.json").exists()
