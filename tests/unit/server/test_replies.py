from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import torch

from fedhca.config.federation import Federation
from fedhca.errors import ClientError, FedhcaError, MissingReplyError, RecipeError
from fedhca.runtimes import ScriptedRuntime
from fedhca.server.replies import Answers, collect, register
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Missing, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

NAMES = ("c", "multi", "b10")
NOTHING = Parameters(torch.zeros(3), torch.zeros(1, 2))
FAIL, KEEP, WAIT = Federation(), Federation(on_missing="keep"), Federation(on_missing="wait")
Replies = Iterable[TrainReply | Missing]


def reply(client: str, number: int = 2) -> TrainReply:
    return TrainReply(client, number, NOTHING, {})


def requests(number: int = 2) -> list[TrainRequest]:
    return [TrainRequest(name, number, NOTHING, LocalRule()) for name in NAMES]


def answers(
    replies: Replies, federation: Federation = FAIL, take: Callable[[TrainReply], TrainReply] = lambda reply: reply
) -> tuple[Answers[TrainReply], list[Missing]]:
    told: list[Missing] = []
    return collect(lambda asked: replies, requests(), federation, take=take, tell=told.append), told


def test_replies_come_in_any_order_and_leave_in_the_order_of_the_requests() -> None:
    found, told = answers([reply("b10"), reply("c"), reply("multi")])
    assert list(found.replies) == ["c", "multi", "b10"]
    assert all(name == each.client for name, each in found.replies.items())
    assert (found.missing, told) == ({}, [])
    measured = collect(
        lambda asked: (EvaluateReply(each.client, 7, {}) for each in asked[::-1]),
        [EvaluateRequest(name, 7, NOTHING) for name in NAMES],
        FAIL,
    )
    assert list(measured.replies) == ["c", "multi", "b10"]


@pytest.mark.parametrize(
    ("replies", "line"),
    [
        ([], "Client 'c' did not answer in round 3: no reply came."),
        ([reply("c"), reply("multi")], "Client 'b10' did not answer in round 3: no reply came."),
        ([reply("c"), Missing("multi", "the line is dead")], "Client 'multi' did not answer in round 3: the line"),
        (
            [reply("c"), reply("d")],
            "Client 'd' should answer once in round 3. Found an answer of somebody",
        ),
        (
            [reply("c"), reply("c")],
            "Client 'c' should answer once in round 3. Found another answer after it;",
        ),
        ([reply("c", 1)], "Client 'c' did not answer in round 3: its answer is for round 2."),
        ([reply("c", 3)], "Client 'c' did not answer in round 3: its answer is for round 4."),
    ],
)
def test_a_reply_that_is_missing_or_too_much_names_its_client(replies: list[TrainReply | Missing], line: str) -> None:
    with pytest.raises(MissingReplyError) as error:
        answers(replies)
    assert str(error.value).startswith(line)


def test_to_fail_is_to_fail_at_the_first_one() -> None:
    asked = []

    def one_by_one(wanted: Sequence[TrainRequest]) -> Replies:
        for each in wanted:
            asked.append(each.client)
            yield Missing(each.client, "no data") if each.client == "multi" else reply(each.client)

    with pytest.raises(MissingReplyError):
        collect(one_by_one, requests(), FAIL)
    assert asked == ["c", "multi"]


def spoilt(reply: TrainReply) -> TrainReply:
    if reply.client == "multi":
        raise ClientError("Client 'multi' should send finite parameters.")
    return reply


def test_what_a_client_in_this_process_or_whoever_takes_the_reply_raised_is_raised() -> None:
    own = ClientError("Client 'c' ran out of data.")
    for replies, take, line in (
        ([Missing("c", str(own), own)], lambda reply: reply, "ran out"),
        ([reply("c"), reply("multi")], spoilt, "finite"),
    ):
        with pytest.raises(ClientError, match=line):
            answers(replies, take=take)


def test_keep_goes_on_without_those_whose_reply_is_missing_late_or_of_no_use() -> None:
    found, told = answers([Missing("b10", "power cut"), reply("multi"), reply("c")], KEEP, spoilt)
    assert list(found.replies) == ["c"]
    assert found.missing == {"b10": "power cut", "multi": "Client 'multi' should send finite parameters."}
    assert [each.client for each in told] == ["b10", "multi"]
    found, told = answers([reply("c", 1), reply("b10"), reply("nobody"), Missing("b10", "gone")], KEEP)
    assert [each.client for each in told] == ["nobody", "b10", "c", "multi"]
    assert found.missing == {"c": "its answer is for round 2.", "multi": "no reply came."}


@pytest.mark.parametrize(("least", "enough"), [(1, True), (2, True), (3, False), (9, False)])
def test_a_round_with_too_few_does_not_count(least: int, enough: bool) -> None:
    replies: list[TrainReply | Missing] = [reply("c"), Missing("multi", "power cut"), reply("b10")]
    federation = Federation(on_missing="keep", min_clients=least)
    if enough:
        assert list(answers(replies, federation)[0].replies) == ["c", "b10"]
    else:
        with pytest.raises(
            MissingReplyError, match=rf"least {least} clients should .* round 3\. Found 2: multi: power cut"
        ):
            answers(replies, federation)


def test_nobody_is_always_too_few() -> None:
    with pytest.raises(MissingReplyError, match="Found 0: c: dark; multi: dark; b10: dark"):
        answers([Missing(name, "dark") for name in NAMES], KEEP)


def test_wait_asks_those_again_who_did_not_answer_and_only_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedhca.server.replies.RETRY_SECONDS", 0.0)
    asked: list[list[str]] = []
    told: list[Missing] = []

    def ask(wanted: Sequence[TrainRequest]) -> Replies:
        asked.append([each.client for each in wanted])
        for each in wanted:
            due = {"c": 1, "multi": 3, "b10": 2}[each.client]
            yield reply(each.client) if len(asked) >= due else Missing(each.client, "asleep")

    found = collect(ask, requests(), WAIT, tell=told.append)
    assert list(found.replies) == ["c", "multi", "b10"]
    assert found.missing == {}
    assert asked == [["c", "multi", "b10"], ["multi", "b10"], ["multi"]]
    assert [each.client for each in told] == ["multi", "b10", "multi"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"min_clients": 0}, "`min_clients` should be a whole number, at least 1 and at most 1000000"),
        ({"timeout": 0.0}, "`timeout` should be a number, above 0 and at most 10000000"),
        ({"on_missing": "wit"}, "`on_missing` should be one of 'fail', 'keep', 'wait'"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(options: dict[str, Any], line: str) -> None:
    with pytest.raises(RecipeError) as error:
        Federation(**options)
    (found,) = options.values()
    assert str(error.value).startswith(f"Federation: {line}, such as ")
    assert f"Found {found!r}." in str(error.value)


# Hello


LAYOUT = Layout.of({"w.weight": (3,)})
HELLOS = {name: Hello(name, "nyud", ("depth",), 1, LAYOUT, LAYOUT, NOTHING) for name in NAMES}


class Greeting(ScriptedRuntime):
    """Of whom some do not answer the first few times."""

    def __init__(self, late: dict[str, int]) -> None:
        super().__init__([], lambda request: NOTHING)
        self.late, self.times = late, 0

    def hello(self) -> Sequence[Hello | Missing]:  # type: ignore[override]
        self.times += 1
        return [
            HELLOS[name] if self.times > self.late.get(name, 0) else Missing(name, "asleep") for name in sorted(NAMES)
        ]


def test_those_who_say_hello_stand_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedhca.server.replies.RETRY_SECONDS", 0.0)
    assert list(register(Greeting({}), NAMES, FAIL)) == [*NAMES]
    assert list(register(Greeting({"multi": 9}), NAMES, KEEP)) == ["c", "b10"]
    late = Greeting({"multi": 2, "c": 1})
    told: list[Missing] = []
    assert list(register(late, NAMES, WAIT, tell=told.append)) == [*NAMES]
    assert late.times == 3
    assert [each.client for each in told] == ["c", "multi", "multi"]


@pytest.mark.parametrize(
    ("runtime", "order", "kind", "line"),
    [
        (Greeting({"multi": 9}), NAMES, MissingReplyError, "Client 'multi' did not say hello: asleep"),
        (Greeting({}), NAMES[:2], RecipeError, "Clients should be ['c', 'multi']. Found ['b10', 'c', 'multi']."),
        (ScriptedRuntime([HELLOS["c"]] * 2, lambda r: NOTHING), ["c"], RecipeError, "Client names should be unique."),
    ],
)
def test_a_greeting_that_is_missing_or_too_much_ends_it(
    runtime: ScriptedRuntime, order: Sequence[str], kind: type[FedhcaError], line: str
) -> None:
    with pytest.raises(kind) as error:
        register(runtime, order, FAIL)
    assert str(error.value).startswith(line)
