import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from fedhca.aggregation import Rows, keep
from fedhca.aggregation.aggregator import Aggregator, Decision, State
from fedhca.config.federation import ClientEntry, Compression, Federation, TransferDtype
from fedhca.errors import ClientError, FedhcaError, LayoutError, MissingReplyError
from fedhca.methods import METHODS, Method, make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import ClientRegistry, Round, ServerState, initial_state, rounds
from fedhca.server.received_updates import ReceivedUpdates
from fedhca.server.rounds import step
from fedhca.wire.compression import compress
from fedhca.wire.layout import Layout
from fedhca.wire.messages import (
    EvaluateReply,
    EvaluateRequest,
    Hello,
    LocalRule,
    Missing,
    Runtime,
    TrainReply,
    TrainRequest,
)
from fedhca.wire.parameters import Parameters, is_finite

ENCODER, DECODER = Layout.of({"patch.weight": (2,)}), Layout.of({"fuse.weight": (3,), "fuse.bias": (1,)})
TASKS = {"b": ("semseg",), "a": ("semseg", "depth")}
ORDER = ("b", "a")


def parameters(client: str, fill: float) -> Parameters:
    t = len(TASKS[client])
    return Parameters(torch.full((2,), fill), torch.full((t, 4), 10 * fill) + torch.arange(t)[:, None])


HELLOS = [
    Hello(name, "nyud", TASKS[name], 5, ENCODER, DECODER, parameters(name, start))
    for name, start in (("a", 0.0), ("b", 1.0))
]
ROSTER = ClientRegistry.of(HELLOS, ORDER)
CLIENTS = tuple(ClientEntry(name=name, dataset="nyud", tasks=TASKS[name]) for name in ORDER)


def federation(**options: Any) -> Federation:
    return Federation(**{"clients": CLIENTS, "evaluate_every": 1, **options})


def one_more(request: TrainRequest) -> Parameters:
    return Parameters(request.parameters.encoder + 1, request.parameters.decoders + 1)


def play(
    method: Method,
    train: Callable[[TrainRequest], Parameters | Missing] = one_more,
    **options: Any,
) -> list[Round]:
    runtime = ScriptedRuntime(HELLOS, train, lambda request: {"sum": float(request.parameters.encoder.sum())})
    how = federation(**{"rounds": 3, **options})
    return list(rounds(method, runtime, initial_state(method, ROSTER, HELLOS, how), how))


def test_everyone_begins_from_its_own_parameters() -> None:
    state = initial_state(make_method("local"), ROSTER, HELLOS, federation())
    assert state.round == 0
    assert state.encoders.tolist() == [[1, 1], [0, 0]]
    assert state.decoders[:, 0].tolist() == [10, 0, 1]


def test_local_adds_up_and_fedavg_averages_by_hand() -> None:
    (*_, alone) = play(make_method("local"))
    assert alone.state.encoders.tolist() == [[4, 4], [3, 3]]
    assert alone.state.decoders[:, 0].tolist() == [13, 3, 4]
    first, *_, last = play(make_method("fedavg"))
    assert first.state.encoders.tolist() == [[1.5, 1.5]] * 2
    assert last.state.encoders.tolist() == [[3.5, 3.5]] * 2
    torch.testing.assert_close(last.state.decoders, torch.full((3, 4), 11 / 3 + 3))


def test_a_round_tells_what_it_came_to() -> None:
    begun = time.perf_counter()
    found = play(make_method("fedhca2"))
    assert 0 < sum(value for each in found for value in each.seconds.values()) < time.perf_counter() - begun
    assert [each.number for each in found] == [each.state.round for each in found] == [1, 2, 3]
    for each in found:
        assert each.seconds.keys() == {"train", "aggregate", "evaluate"}
        assert each.bytes == {"b": {"down": 24, "up": 24}, "a": {"down": 40, "up": 40}}
        assert torch.equal(each.encoder.rows, each.state.encoders)
        assert torch.equal(each.decoder.rows, each.state.decoders)
        assert each.metrics == {
            name: {"sum": float(row.sum())} for name, row in zip(ORDER, each.state.encoders, strict=True)
        }


@pytest.mark.parametrize(
    ("until", "every", "evaluated"), [(5, 1, [1, 2, 3, 4, 5]), (5, 2, [2, 4, 5]), (4, 3, [3, 4]), (2, 9, [2])]
)
def test_evaluation_after_every_few_rounds_and_after_the_last(until: int, every: int, evaluated: list[int]) -> None:
    found = play(make_method("local"), rounds=until, evaluate_every=every)
    assert [each.number for each in found if each.metrics] == evaluated


def test_a_run_can_stop_and_go_on_from_any_state() -> None:
    method = make_method("fedhca2")
    whole = play(method, rounds=4)
    runtime = ScriptedRuntime(HELLOS, one_more)
    rest = list(rounds(method, runtime, whole[1].state, federation(rounds=4)))
    assert [each.number for each in rest] == [3, 4]
    assert torch.equal(rest[-1].state.encoders, whole[-1].state.encoders)
    assert torch.equal(rest[-1].state.decoders, whole[-1].state.decoders)
    for name, tensor in whole[-1].state.memories[0].items():
        assert torch.equal(rest[-1].state.memories[0][name], tensor)
    assert list(rounds(method, runtime, whole[-1].state, federation(rounds=4))) == []


def test_the_generator_does_nothing_before_it_is_asked() -> None:
    asked: list[int] = []

    def train(request: TrainRequest) -> Parameters:
        asked.append(request.round)
        return one_more(request)

    method, how = make_method("local"), federation(rounds=3)
    going = rounds(method, ScriptedRuntime(HELLOS, train), initial_state(method, ROSTER, HELLOS, how), how)
    assert asked == []
    next(going)
    assert asked == [0, 0]


def test_requests_bear_the_client_the_round_its_parameters_and_the_local_rule() -> None:
    seen: list[TrainRequest] = []

    def train(request: TrainRequest) -> Parameters:
        seen.append(request)
        return one_more(request)

    rule = LocalRule(pull=0.25)
    found = play(replace(make_method("fedavg"), local=rule), train, rounds=2)
    assert [(request.client, request.round) for request in seen] == [("b", 0), ("a", 0), ("b", 1), ("a", 1)]
    assert all(request.rule == rule for request in seen)
    assert torch.equal(seen[3].parameters.encoder, found[0].state.encoders[1])
    assert torch.equal(seen[3].parameters.decoders, found[0].state.decoders[1:])


def test_rules_see_the_rows_of_the_whole_federation() -> None:
    seen: list[Rows] = []

    def decide(state: State, rows: Rows) -> Decision:
        seen.append(replace(rows, end=rows.end.clone()))
        return replace(keep().decide(state, rows), state=state)

    spy = Aggregator(lambda rows: {"rows": torch.tensor(len(rows.members))}, decide)
    (found,) = play(Method("spy", spy, spy), rounds=1)
    encoders, decoders = seen
    assert [member.client for member in encoders.members] == ["b", "a"]
    assert [(member.client, member.tasks) for member in decoders.members] == [
        ("b", ("semseg",)),
        ("a", ("semseg",)),
        ("a", ("depth",)),
    ]
    assert encoders.layout == ENCODER
    assert decoders.layout == DECODER
    assert torch.equal(encoders.end - encoders.start, torch.ones(2, 2))
    assert decoders.start[:, 0].tolist() == [10, 0, 1]
    assert (int(found.state.memories[0]["rows"]), int(found.state.memories[1]["rows"])) == (2, 3)


def filled(state: ServerState, replies: Iterable[TrainReply]) -> ReceivedUpdates:
    inbox = ReceivedUpdates.beside(ROSTER, state.rows)
    for reply in replies:
        inbox.take(reply)
    return inbox


def test_a_step_leaves_state_and_replies_as_they_were_and_spends_the_inbox() -> None:
    method = make_method("fedhca2")
    state = initial_state(method, ROSTER, HELLOS, federation())
    replies = {name: TrainReply(name, 0, parameters(name, 7.0), {}) for name in ORDER}
    before = state.encoders.clone(), state.decoders.clone(), state.memories[0]["alpha"].clone()
    inbox, another = (filled(state, replies.values()) for _ in range(2))
    (first, *_), (second, *_) = step(method, state, inbox), step(method, state, another)
    assert torch.equal(first.encoders, second.encoders)
    assert first.encoders is inbox.tables[0]
    after = state.encoders, state.decoders, state.memories[0]["alpha"]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(replies["a"].parameters.encoder, torch.full((2,), 7.0))


@dataclass
class Backwards:
    """A runtime that answers from last to first, with losses."""

    inner: Runtime
    losses: dict[str, Mapping[str, float]] = field(default_factory=lambda: {"a": {"depth": 2.0}, "b": {"semseg": 1.0}})

    def hello(self) -> Iterable[Hello | Missing]:
        return self.inner.hello()

    def train(self, requests: Sequence[TrainRequest]) -> Iterable[TrainReply | Missing]:
        replies = [*self.inner.train(requests)][::-1]
        return [
            r if isinstance(r, Missing) else replace(r, losses=self.losses[r.client], seconds=2.0, transport=0.5)
            for r in replies
        ]

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterable[EvaluateReply | Missing]:
        return [*self.inner.evaluate(requests)][::-1]


def test_replies_in_another_order_change_nothing() -> None:
    method, how = make_method("fedhca2"), federation(rounds=3)
    runtime = Backwards(ScriptedRuntime(HELLOS, one_more, lambda request: {"round": float(request.round)}))
    found = list(rounds(method, runtime, initial_state(method, ROSTER, HELLOS, how), how))
    assert torch.equal(found[-1].state.encoders, play(method)[-1].state.encoders)
    assert found[0].losses == {"b": {"semseg": 1.0}, "a": {"depth": 2.0}}
    assert [list(spent) for spent in found[0].clients.values()] == [["train", "transport", "waiting"]] * 2
    assert {name: (spent["train"], spent["transport"]) for name, spent in found[0].clients.items()} == {
        "b": (2.0, 0.5),
        "a": (2.0, 0.5),
    }
    assert 0 < found[0].clients["b"]["waiting"] < found[0].clients["a"]["waiting"] < found[0].seconds["train"]
    assert found[0].metrics == {"b": {"round": 1}, "a": {"round": 1}}


def test_a_missing_reply_ends_the_run_with_its_cause() -> None:
    def train(request: TrainRequest) -> Parameters | Missing:
        return Missing("a", "power cut") if (request.client, request.round) == ("a", 1) else one_more(request)

    with pytest.raises(MissingReplyError, match="Client 'a' did not answer in round 2: power cut"):
        play(make_method("local"), train)


def away_in(*rounds: int) -> Callable[[TrainRequest], Parameters | Missing]:
    def train(request: TrainRequest) -> Parameters | Missing:
        away = request.client == "a" and request.round in rounds
        return Missing("a", "power cut") if away else one_more(request)

    return train


@pytest.mark.parametrize("method", ["local", "fedavg", "fedhca2", "official", "fedhca2_sum"])
def test_keep_leaves_an_absent_client_as_it_was(method: str) -> None:
    first, second, third, fourth = (
        each.state for each in play(make_method(method), away_in(1, 2), on_missing="keep", rounds=4)
    )
    for before, after in ((first, second), (second, third)):
        assert torch.equal(after.encoders[1], before.encoders[1])
        assert torch.equal(after.decoders[1:], before.decoders[1:])
        assert not torch.equal(after.encoders[0], before.encoders[0])
        for name in {"alpha", "beta"} & {*before.memories[0], *before.memories[1]}:
            place = int(name == "beta")
            share = slice(1, None)
            assert torch.equal(after.memories[place][name][share], before.memories[place][name][share])
    assert [state.since.tolist() for state in (first, second, third, fourth)] == [[1, 1], [2, 1], [3, 1], [4, 4]]
    assert not torch.equal(fourth.encoders[1], third.encoders[1])


def test_who_comes_back_learns_nothing_of_a_direction_it_had_not_received() -> None:
    """Of the first round there is no direction yet; client a is away in the second, and back in the third."""
    found = play(make_method("fedhca2"), away_in(1), on_missing="keep", rounds=4)
    b, a = zip(*(each.state.memories[0]["alpha"].tolist() for each in found), strict=True)
    assert b[0] == a[0] == a[1] == a[2] == 0.1
    assert b[0] < b[1] < b[2] < b[3]
    assert a[3] > a[2]


def test_a_round_tells_who_was_missing_and_why_and_leaves_it_out_of_sums_and_bytes() -> None:
    first, second = play(make_method("fedavg"), away_in(1), on_missing="keep", rounds=2)
    assert (first.missing, second.missing) == ({}, {"train": {"a": "power cut"}})
    assert second.losses.keys() == second.bytes.keys() == {"b"}
    assert second.metrics.keys() == {"a", "b"}  # what it holds can still be measured
    assert torch.equal(second.state.encoders[0], first.state.encoders[0] + 1)
    gram = second.encoder.notes["gram"]
    assert gram[0, 0] > 0
    assert gram.isnan().sum() == 3


def test_a_client_that_cannot_be_measured_has_no_metrics_rather_than_none_of_its_lines() -> None:
    class Dark(ScriptedRuntime):
        def evaluate(  # type: ignore[override]
            self, requests: Sequence[EvaluateRequest]
        ) -> Iterator[EvaluateReply | Missing]:
            replies = {reply.client: reply for reply in super().evaluate(requests)}
            return (Missing("a", "dark") if each.client == "a" else replies[each.client] for each in requests)

    method, how = make_method("local"), federation(rounds=1, on_missing="keep")
    runtime = Dark(HELLOS, one_more, lambda request: {"semseg": 1.0})
    (found,) = rounds(method, runtime, initial_state(method, ROSTER, HELLOS, how), how)
    assert found.missing == {"evaluate": {"a": "dark"}}
    assert found.metrics["b"] == {"semseg": 1.0}
    assert str(found.metrics["a"]) == "{'semseg': nan, 'depth': nan}"


def test_a_client_is_told_since_when_its_answers_did_not_count() -> None:
    seen: list[tuple[str, int, int]] = []

    def train(request: TrainRequest) -> Parameters | Missing:
        seen.append((request.client, request.round, request.home))
        return away_in(1, 2)(request)

    play(make_method("local"), train, on_missing="keep", rounds=5)
    assert [(number, home) for client, number, home in seen if client == "a"] == [
        (0, 0),
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 4),
    ]
    assert all(number == home for client, number, home in seen if client == "b")


def test_waiting_changes_nothing_but_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedhca.server.replies.RETRY_SECONDS", 0.0)
    asked: list[str] = []

    def train(request: TrainRequest) -> Parameters | Missing:
        asked.append(request.client)
        late = request.client == "a" and len(asked) % 2 == 0 and len(asked) < 7
        return Missing("a", "asleep") if late else one_more(request)

    method = make_method("fedhca2")
    waited, prompt = play(method, train, on_missing="wait")[-1], play(method)[-1]
    assert len(asked) > 6
    assert torch.equal(waited.state.encoders, prompt.state.encoders)
    assert torch.equal(waited.state.decoders, prompt.state.decoders)
    assert waited.missing == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", ["local", "fedavg", "fedhca2", "official", "fedamp"])
def test_under_keep_what_is_not_finite_or_of_another_shape_is_as_if_it_had_not_come(method: str, value: float) -> None:
    def train(request: TrainRequest) -> Parameters:
        sent = one_more(request)
        if (request.client, request.round) == ("a", 1):
            return Parameters(sent.encoder * value, sent.decoders)
        if (request.client, request.round) == ("a", 2):
            return Parameters(sent.encoder[:1], sent.decoders)
        return sent

    spoilt, away = (play(make_method(method), each, on_missing="keep", rounds=4) for each in (train, away_in(1, 2)))
    for one, other in zip(spoilt, away, strict=True):
        assert torch.equal(one.state.encoders, other.state.encoders)
        assert torch.equal(one.state.decoders, other.state.decoders)
    assert "finite parameters" in spoilt[1].missing["train"]["a"]
    assert "of shapes" in spoilt[2].missing["train"]["a"]


@pytest.mark.parametrize(
    ("encoder", "decoders"), [((3,), (2, 4)), ((2,), (1, 4)), ((2,), (2, 5)), ((2,), (3, 4)), ((1,), (2, 4))]
)
def test_parameters_of_another_shape_name_the_client(encoder: tuple[int], decoders: tuple[int, int]) -> None:
    odd = Parameters(torch.zeros(encoder), torch.zeros(decoders))
    line = "Client 'a' should send encoder and decoders of shapes"
    with pytest.raises(LayoutError, match=line):
        play(make_method("fedavg"), lambda request: odd if request.client == "a" else one_more(request))
    with pytest.raises(LayoutError, match=line):
        initial_state(make_method("fedavg"), ROSTER, [replace(HELLOS[0], parameters=odd), HELLOS[1]], federation())


@pytest.mark.parametrize("part", ["encoder", "decoders"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", ["local", "fedavg", "fedhca2", "official"])
def test_parameters_that_are_not_finite_spoil_no_one_else(part: str, value: float, method: str) -> None:
    def train(request: TrainRequest) -> Parameters:
        sent = one_more(request)
        if request.client == "a":
            getattr(sent, part)[..., -1] = value
        return sent

    with pytest.raises(ClientError, match="Client 'a' should send finite parameters"):
        play(make_method(method), train)


def huge(request: TrainRequest) -> Parameters:
    """Move by one; client `a` answers once with the greatest numbers of float32."""
    if (request.client, request.round) != ("a", 1):
        return one_more(request)
    return Parameters(
        *(torch.full_like(part, 3.4e38) for part in (one_more(request).encoder, one_more(request).decoders))
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["float32", "bfloat16", "int8"])
def test_what_the_server_makes_of_finite_answers_is_finite_or_no_round(method: str, form: TransferDtype) -> None:
    """Rows, and all that rules remember: hyper weights, their momentum, directions."""
    made, done, how = make_method(method), list[Round](), federation(rounds=5, sent=form)
    going = rounds(made, ScriptedRuntime(HELLOS, huge), initial_state(made, ROSTER, HELLOS, how), how)
    try:
        for each in going:
            done.append(each)
    except FedhcaError as error:
        line = r"Mixed parameters should be finite.*The longest update is that of client 'a' \(.*\), .*e\+\d\d\. Set a"
        assert re.search(line, str(error))  # noqa: PT017  some methods overflow, others do not
    assert done
    for each in done:
        assert is_finite(*each.state.rows)
        assert all(is_finite(*memory.values()) for memory in each.state.memories)


def test_a_mix_beyond_float32_is_no_round_and_the_state_before_it_stays() -> None:
    method = make_method("fedhca2")
    state = play(method, one_more, rounds=1)[-1].state
    before = [rows.clone() for rows in state.rows]
    going = rounds(method, ScriptedRuntime(HELLOS, huge), state, federation(rounds=3))
    with pytest.raises(FedhcaError, match=r"that of client 'a' \(semseg, depth\), 4\.81e\+38\."):
        next(going)
    assert all(torch.equal(one, other) for one, other in zip(state.rows, before, strict=True))
    guarded = ScriptedRuntime(HELLOS, huge)
    assert is_finite(*next(rounds(make_method("local"), guarded, state, federation(rounds=3))).state.rows)


def test_an_answer_in_fewer_bits_that_leads_beyond_float32_is_the_client_s() -> None:
    def train(request: TrainRequest) -> Parameters:
        return huge(request) if request.client == "a" else one_more(request)

    class Packed(ScriptedRuntime):
        """Answers with what changed, in bfloat16."""

        def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
            for reply in super().train(requests):
                assert isinstance(reply, TrainReply)
                yield replace(reply, parameters=compress(reply.parameters.plain, "bfloat16", ENCODER, DECODER))

    method, how = make_method("local"), federation(rounds=4, on_missing="keep", sent=Compression(up="bfloat16"))
    going = rounds(method, Packed(HELLOS, train), initial_state(method, ROSTER, HELLOS, how), how)
    found = list(going)
    assert [each.missing.get("train", {}).keys() for each in found] == [set(), set(), {"a"}, {"a"}]
    assert "should send finite parameters" in found[2].missing["train"]["a"]


def test_a_client_that_joins_later_is_told_when_its_schedule_begins() -> None:
    told = list[tuple[str, int, int]]()

    def train(request: TrainRequest) -> Parameters:
        told.append((request.client, request.round, request.begins))
        return one_more(request)

    late = ClientEntry(name="a", dataset="nyud", tasks=TASKS["a"], joins=3)
    how, method = federation(rounds=4, clients=(CLIENTS[0], late)), make_method("fedavg")
    state = initial_state(method, ROSTER, HELLOS, how)
    list(rounds(method, ScriptedRuntime(HELLOS, train), state, how))
    assert told == [("b", 0, 0), ("b", 1, 0), ("b", 2, 0), ("a", 2, 2), ("b", 3, 0), ("a", 3, 2)]
    told.clear()
    older = replace(state, begins=None)
    list(rounds(method, ScriptedRuntime(HELLOS, train), older, how))
    assert {begins for _, _, begins in told} == {0}


def test_the_state_is_tensors_only() -> None:
    state = play(make_method("fedhca2"))[-1].state
    assert isinstance(state, ServerState)
    for tensor in (state.encoders, state.decoders, *state.memories[0].values(), *state.memories[1].values()):
        assert type(tensor) is torch.Tensor
        assert not tensor.requires_grad


def test_the_scripted_runtime_is_a_runtime() -> None:
    runtime = ScriptedRuntime(HELLOS, one_more)
    assert list(runtime.hello()) == HELLOS
    (trained,) = runtime.train([TrainRequest("a", 4, parameters("a", 1.0), LocalRule())])
    assert isinstance(trained, TrainReply)
    assert (trained.client, trained.round, trained.losses) == ("a", 4, {})
    assert trained.parameters.encoder.tolist() == [2, 2]
    (evaluated,) = runtime.evaluate([EvaluateRequest("a", 4, parameters("a", 1.0))])
    assert (evaluated.client, evaluated.round, dict(evaluated.metrics)) == ("a", 4, {})
