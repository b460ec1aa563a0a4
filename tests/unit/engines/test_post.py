"""A federation whose messages cross as wires is, bit for bit, the one in this process."""

import copy
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fedhca
from fedhca.client import Client
from fedhca.client.clients import Clients
from fedhca.client.training import OnStep, Step
from fedhca.config.federation import Federation, Privacy, Training, TransferDtype
from fedhca.engines.client_host import ClientHost
from fedhca.engines.network_runtime import NetworkRuntime
from fedhca.errors import ClientError, DataError, MissingReplyError
from fedhca.experiment.drive import drive
from fedhca.methods import make_method
from fedhca.server.state import Round
from fedhca.wire.encoding import ASK_HELLO, KIND, Wire, to_wire
from fedhca.wire.messages import EvaluateRequest, LocalRule, Missing, TrainRequest
from tiny import WIDTH, encoder, equal, participant

PEOPLE = [participant("a", "depth", "semseg"), participant("b", "edge"), participant("c", "depth")]
NAMES = [person.name for person in PEOPLE]
ROUNDS = 3
OPTIONS: dict[str, Any] = {
    "rounds": ROUNDS,
    "evaluate_every": 1,
    "training": Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1),
    "model": {"width": WIDTH},
}
Change = Callable[[str, Wire], Wire | Missing]


def federation(**options: Any) -> Federation:
    return Federation(**{**OPTIONS, "clients": tuple(person.client for person in PEOPLE), **options})


def site(folder: Path | None = None, on_step: OnStep | None = None, **options: Any) -> ClientHost:
    clients = Clients(federation(**options), encoder=encoder())

    def made(name: str) -> Client:
        (person,) = (each for each in PEOPLE if each.name == name)
        own = None if folder is None else folder / name
        return clients.make(person, own, on_step)

    return ClientHost({name: lambda name=name: made(name) for name in NAMES})  # type: ignore[misc]


class Line:
    """Stands for an engine: it carries wires to one site, in reverse order, and may change them on their way back."""

    def __init__(self, place: ClientHost, change: Change = lambda name, wire: wire) -> None:
        self.place, self.change = place, change
        self.down: list[tuple[str, Wire]] = []
        self.up: list[tuple[str, Wire]] = []

    def __call__(self, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire | Missing]]:
        for name in reversed(list(wires)):
            self.down.append((name, copy.deepcopy(wires[name])))
            answer = self.place.answer(name, wires[name])
            self.up.append((name, copy.deepcopy(answer)))
            yield name, self.change(name, answer)


def federated(line: Line, method: str = "fedhca2", **options: Any) -> list[Round]:
    return list(drive(make_method(method), NetworkRuntime(line, NAMES), federation(**options)))


@pytest.mark.parametrize(
    ("method", "form"),
    [("fedhca2", "float32"), ("fedhca2", "bfloat16"), ("fedhca2", "int8"), ("ditto", "int8"), ("fedamp", "float32")],
)
def test_the_same_bits_as_in_one_process(method: str, form: TransferDtype) -> None:
    near = list(fedhca.run(PEOPLE, encoder(), method, sent=form, **OPTIONS))
    far = federated(Line(site()), method, sent=form)
    for one, other in zip(near, far, strict=True):
        assert equal(one.state.encoders, other.state.encoders)
        assert equal(one.state.decoders, other.state.decoders)
        assert (one.losses, one.metrics) == (other.losses, other.metrics)


def test_of_a_private_client_neither_losses_nor_metrics_nor_what_it_holds_cross() -> None:
    line = Line(site(privacy=Privacy(clip=1e-3, noise=1.0)))
    federated(line)
    answers = [wire for _, wire in line.up if wire[KIND] != "hello"]
    assert not [field for wire in answers for field in wire if field.startswith(("loss/", "metric/"))]
    first = {name: wire for name, wire in line.up if wire[KIND] == "hello"}
    for name in NAMES:  # a server may ask who they are again
        again = line.place.answer(name, ASK_HELLO)
        assert np.array_equal(again["encoder"], first[name]["encoder"])


def test_a_site_that_forgets_everything_after_each_answer_goes_on_from_its_disk(tmp_path: Path) -> None:
    class Forgetful(Line):
        def __call__(self, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire | Missing]]:
            for name, wire in wires.items():
                yield name, site(tmp_path).answer(name, wire)

    assert equal(federated(Forgetful(site()))[-1].state.encoders, federated(Line(site()))[-1].state.encoders)


def test_only_what_is_needed_travels_and_each_client_gets_its_own() -> None:
    """Reads every message of a run: names of fields, sizes, and that no array is a head, a buffer or another's."""
    line, place = Line(site()), site()
    rounds = federated(line)
    clients = {name: place._client(name) for name in NAMES}
    both = {"kind", "client", "round"}
    fields = {
        "train": both | {"since", "pull", "keeps", "heads_first", "answer", "begins"},
        "evaluate": both | {"since", "pull", "keeps", "heads_first"},
        "trained": both | {"seconds"},
        "evaluated": both | {"seconds"},
        "hello": {"kind", "client", "dataset", "tasks", "examples", "encoder_layout", "decoder_layout", "held"},
        "ask hello": {"kind"},
    }
    assert {wire[KIND] for _, wire in line.down} == {"ask hello", "train", "evaluate"}
    assert {wire[KIND] for _, wire in line.up} == {"hello", "trained", "evaluated"}
    for name, wire in [*line.down, *line.up]:
        tasks = [task.name for task in clients[name].participant.tasks]
        arrays = {field: value for field, value in wire.items() if isinstance(value, np.ndarray)}
        own = clients[name].model
        sizes = {"encoder": own.encoder_layout.width} | {
            f"decoder/{place}": own.decoder_layout.width for place in range(len(tasks))
        }
        silent = wire[KIND] in {"ask hello", "evaluated"}
        assert {field: len(value) for field, value in arrays.items()} == ({} if silent else sizes)
        values = {"trained": {f"loss/{task}" for task in tasks}, "evaluated": {f"metric/{task}" for task in tasks}}
        kind = str(wire[KIND])
        assert wire.keys() - arrays.keys() == fields[kind] | values.get(kind, set())
        assert wire.get("client", name) == name
    handed_out = [(name, wire) for name, wire in line.down if wire[KIND] == "evaluate" and wire["round"] == 3]
    for name, wire in handed_out:
        assert equal(torch.from_numpy(wire["encoder"]), rounds[-1].state.encoders[NAMES.index(name)])


def test_a_reply_says_how_long_it_was_on_its_way() -> None:
    for each in federated(Line(site())):
        assert each.clients.keys() == {*NAMES}
        for spent in each.clients.values():
            assert spent.keys() == {"train", "transport", "waiting"}
            assert 0 < sum(spent.values()) <= each.seconds["train"]


# What goes wrong


def failing(error: Exception, folder: Path | None = None) -> ClientHost:
    def stop(step: Step) -> None:
        if (step.client, step.round) == ("b", 1):
            raise error

    return site(folder, stop)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ClientError("Client 'b', round 2: the loss is not finite."), "Client 'b', round 2: the loss is not finite."),
        (DataError("'/home/eve/scan-17.png' is broken."), "DataError at its site, whose log says more."),
        (ZeroDivisionError("in /home/eve/model.py"), "ZeroDivisionError at its site, whose log says more."),
    ],
)
def test_of_what_goes_wrong_at_a_site_only_what_is_safe_leaves_it(
    error: Exception, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line(failing(error))
    with caplog.at_level(logging.ERROR), pytest.raises(MissingReplyError) as caught:
        federated(line)
    assert str(caught.value) == f"Client 'b' did not answer in round 2: {cause}"
    assert "eve" not in str(line.up)
    assert str(error) in caplog.text  # the site's own log has it all
    assert "Traceback" in caplog.text


def test_under_keep_the_others_go_on(tmp_path: Path) -> None:
    found = federated(Line(failing(ClientError("no power"), tmp_path)), on_missing="keep")
    assert [dict(each.missing) for each in found][:2] == [{}, {"train": {"b": "no power"}}]
    assert found[1].metrics.keys() == {*NAMES}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"round": 7}, "its answer is for round 8."),
        ({"client": "a"}, "its answer bears the name 'a'."),
        ({"kind": "evaluated"}, "its answer cannot be read."),
        ({"encoder": np.zeros(3, np.float32)}, "Client 'b' should send encoder and decoders of shapes"),
        ({"encoder": None}, "its answer cannot be read."),
        ({"head": np.zeros(3, np.float32)}, "its answer cannot be read."),
        ({"decoder/0": np.zeros(3, np.float16)}, "its answer cannot be read."),
    ],
)
def test_an_answer_of_no_use_is_a_missing_one(change: dict[str, Any], cause: str, tmp_path: Path) -> None:
    def spoil(name: str, wire: Wire) -> Wire:
        return {**wire, **change} if name == "b" and wire[KIND] == "trained" and wire["round"] == 1 else wire

    found = federated(Line(site(tmp_path), spoil), on_missing="keep")
    assert found[1].missing["train"]["b"].startswith(cause)
    assert equal(found[1].state.encoders[1], found[0].state.encoders[1])
    assert [each.state.since.tolist() for each in found[1:]] == [[2, 1, 2], [3, 3, 3]]


AGREED = {person.name: (person.name, tuple(task.name for task in person.tasks)) for person in PEOPLE}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"loss/depth": np.inf}, "its answer cannot be read. The loss of `depth` should be"),
        ({"loss/edge": 1e308}, "its answer cannot be read. The loss of `edge` should be"),
        ({"loss/depth": 1.0}, "data set 'b' and tasks edge were agreed on. Found edge, depth."),
        ({"seconds": 1e300}, "its answer cannot be read. `seconds` should be from 0 to"),
        ({"client": "../b"}, "its answer cannot be read. A name should be letters"),
        (
            {
                "encoder": np.zeros(3, np.int8),
                "decoder/0": np.zeros(3, np.int8),
                "sizes": np.full(2, 3, np.int32),
                "scales": np.ones(2, np.float32),
            },
            "its parameters should be float32. Found int8.",
        ),
    ],
)
def test_an_answer_that_says_what_cannot_be_or_was_not_asked_for_is_a_missing_one(
    change: dict[str, Any], cause: str, tmp_path: Path
) -> None:
    def spoil(name: str, wire: Wire) -> Wire:
        return {**wire, **change} if name == "b" and wire[KIND] == "trained" and wire["round"] == 1 else wire

    post = NetworkRuntime(Line(site(tmp_path), spoil), NAMES, AGREED)
    going = drive(make_method("fedhca2"), post, federation(on_missing="keep"))
    assert next(going).missing == {}
    assert next(going).missing["train"]["b"].startswith(cause)


def test_an_absurd_metric_is_a_missing_one_and_nan_is_none() -> None:
    def spoil(name: str, wire: Wire) -> Wire:
        values = {"a": {"metric/depth": 1e308}, "b": {"metric/edge": np.nan}, "c": {"metric/semseg": 1.0}}
        return {**wire, **values[name]} if wire[KIND] == "evaluated" else wire

    post = NetworkRuntime(Line(site(), spoil), NAMES, AGREED)
    going = drive(make_method("local"), post, federation(rounds=1, on_missing="keep"))
    missing = next(going).missing["evaluate"]
    assert missing.keys() == {"a", "c"}
    assert "The metric of `depth` should be NaN, or from -1e+30 to 1e+30. Found 1e+308." in missing["a"]
    assert missing["c"] == "data set 'c' and tasks depth were agreed on. Found depth, semseg."


@pytest.mark.parametrize(
    ("change", "found"), [({"tasks": '["depth"]'}, "c, depth"), ({"dataset": "other"}, "other, depth, semseg")]
)
def test_a_hello_that_is_not_what_was_agreed_on_names_client_expected_and_found(
    change: dict[str, Any], found: str
) -> None:
    def spoil(name: str, wire: Wire) -> Wire:
        return {**wire, **change} if name == "a" and wire[KIND] == "hello" else wire

    post = NetworkRuntime(Line(site(), spoil), NAMES, AGREED)
    with pytest.raises(MissingReplyError) as error:
        next(drive(make_method("local"), post, federation(rounds=1)))
    expected = "Client 'a' did not say hello: data set 'a' and tasks depth, semseg were agreed on. Found "
    assert str(error.value) == f"{expected}{found.replace('c, ', 'a, ')}."


@pytest.mark.parametrize("number", [ROUNDS, 999_999_999])
def test_a_request_for_a_round_beyond_the_run_leaves_a_site_as_it_was(tmp_path: Path, number: int) -> None:
    place = site(tmp_path)
    federated(Line(place))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    request = TrainRequest("b", number, PEOPLE_PARAMETERS, LocalRule(), since=ROUNDS)
    evaluated = EvaluateRequest("b", number + 1, PEOPLE_PARAMETERS, since=ROUNDS)
    for message in (request, evaluated):
        answer = place.answer("b", to_wire(message))
        assert answer[KIND] == "missing"
        assert "should be asked for rounds up to 3, the last of the run" in str(answer["cause"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_nan_is_of_no_use() -> None:
    def spoil(name: str, wire: Wire) -> Wire:
        return {**wire, "encoder": np.full_like(wire["encoder"], np.nan)} if wire[KIND] == "trained" else wire

    with pytest.raises(ClientError, match=r"Client '.' should send finite parameters"):
        federated(Line(site(), spoil))


def test_a_site_answers_for_its_own_clients_only() -> None:
    place, request = site(), to_wire(TrainRequest("b", 0, PEOPLE_PARAMETERS, LocalRule()))
    for name, wire, cause in (
        ("z", request, "This site hosts a, b, c. Asked for 'z'."),
        ("a", request, "A request for 'a' should bear that name. Found 'b'."),
        ("a", to_wire(Missing("a", "x")), "A site should be asked to train or evaluate. Found a Missing."),
        ("a", {"kind": "exec"}, "A message should be one of"),
    ):
        answer = place.answer(name, wire)
        assert answer[KIND] == "missing"
        assert str(answer["cause"]).startswith(cause)
    assert place.clients == {}


PEOPLE_PARAMETERS = Clients(federation(), encoder=encoder()).make(PEOPLE[1]).model.collect()
