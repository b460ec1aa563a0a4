"""Random schedules of what goes wrong with clients: silent, late, not finite, of another shape, twice, a stranger's.

Laws: under `keep` an answer of no use is as if none had come, bit for bit, for everybody; under `wait` the run is the
one in which nothing went wrong; under `fail` it stops with one line, and goes on from there. Wherever the server stops
in between, whoever joins later or leaves, and with every method.
"""

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedhca.config.federation import ClientEntry, Federation, OnMissing
from fedhca.errors import FedhcaError
from fedhca.experiment import journal
from fedhca.experiment.drive import drive
from fedhca.methods import METHODS, make_method
from fedhca.seeds import derive
from fedhca.server import Round
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, Missing, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters
from tally import many, tally

NAMES = ("anna", "bert", "cleo", "dora")
TASKS = {"anna": ("depth",), "bert": ("depth", "edge"), "cleo": ("edge",), "dora": ("depth",)}
ENCODER, DECODER = Layout.of({"a.weight": (3, 2), "b.weight": (2,)}), Layout.of({"linears.0.weight": (4,)})
ROUNDS = 4
Spans = Mapping[str, Mapping[str, int]]
"""First and last round of clients that are not there from first to last."""


def drawn(client: str, number: int) -> Parameters:
    """Numbers that hang on client and round alone."""
    draw = torch.Generator().manual_seed(derive(0, client, number))
    return Parameters(torch.randn(8, generator=draw), torch.randn(len(TASKS[client]), 4, generator=draw))


HELLOS = [Hello(name, "nyud", TASKS[name], 5, ENCODER, DECODER, drawn(name, 0)) for name in NAMES]


def trained(request: TrainRequest) -> TrainReply:
    """Answer as it should be."""
    start, way = request.parameters.plain, drawn(request.client, request.round + 1)
    moved = Parameters(start.encoder + 0.1 * way.encoder, start.decoders + 0.1 * way.decoders)
    return TrainReply(request.client, request.round, moved, dict.fromkeys(TASKS[request.client], 1.0))


def spoilt(reply: TrainReply, encoder: torch.Tensor) -> TrainReply:
    return replace(reply, parameters=Parameters(encoder, reply.parameters.plain.decoders))


def of_no_use(event: str, reply: TrainReply) -> Sequence[TrainReply | Missing]:
    """What comes instead of the answer."""
    encoder = reply.parameters.plain.encoder
    instead: dict[str, Sequence[TrainReply | Missing]] = {
        "silent": [],
        "gone": [Missing(reply.client, "power cut")],
        "not finite": [spoilt(reply, encoder * torch.nan)],
        "infinite": [spoilt(reply, encoder + torch.inf)],
        "another shape": [spoilt(reply, encoder[:-1])],
        "round before": [replace(reply, round=reply.round - 1)],
        "round after": [replace(reply, round=reply.round + 1)],
        "a stranger's": [replace(reply, client="nobody")],
    }
    return instead[event]


def beside(event: str, reply: TrainReply) -> Sequence[TrainReply | Missing]:
    """What comes beside the answer, and changes nothing."""
    return {
        "twice": [reply, replace(reply, parameters=drawn(reply.client, 99))],
        "late one first": [replace(reply, round=reply.round - 1), reply],
        "a stranger's too": [replace(reply, client="nobody"), reply],
    }[event]


USELESS = ["silent", "gone", "not finite", "infinite", "another shape", "round before", "round after", "a stranger's"]
HARMLESS = ["twice", "late one first", "a stranger's too"]
Schedule = Mapping[tuple[int, str], str]
"""What happens, by rounds done and client."""


def federation(on_missing: OnMissing, spans: Spans) -> Federation:
    clients = tuple(ClientEntry(name=name, dataset="nyud", tasks=TASKS[name], **spans.get(name, {})) for name in NAMES)
    return Federation(rounds=ROUNDS, evaluate_every=1, on_missing=on_missing, clients=clients)


WAIT, FAIL = federation("wait", {}), federation("fail", {})


@dataclass
class Weather:
    """A runtime in which things happen; each for so many `times` that the client is asked."""

    schedule: Schedule
    times: int = 1_000
    seen: dict[tuple[int, str], int] = field(default_factory=dict)

    def hello(self) -> Iterable[Hello | Missing]:
        return HELLOS

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
        for request in requests:
            key = (request.round, request.client)
            self.seen[key] = self.seen.get(key, 0) + 1
            event = self.schedule.get(key) if self.seen[key] <= self.times else None
            reply = trained(request)
            yield from [reply] if event is None else (beside if event in HARMLESS else of_no_use)(event, reply)

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply | Missing]:
        for request in requests:
            yield EvaluateReply(request.client, request.round, dict.fromkeys(TASKS[request.client], 1.0))


def play(method: str, runtime: Weather, federation: Federation, stops: Sequence[int] = ()) -> list[Round]:
    """Run to the end, in so many lives, each of which ends after some rounds and leaves nothing but its folder."""
    found: list[Round] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for count in (*stops, None):
            going = drive(make_method(method), runtime, federation, folder)
            found += itertools.islice(going, count)
            going.close()  # type: ignore[attr-defined]
        lines = journal.read_lines(folder / "journal.jsonl")
    assert [line["round"] for line in lines] == [each.number for each in found] == [*range(1, ROUNDS + 1)]
    assert [line.get("missing", {}) for line in lines] == [each.missing for each in found]
    return found


def same(one: Sequence[Round], other: Sequence[Round]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        for name in ("encoders", "decoders", "since"):
            assert torch.equal(getattr(mine.state, name), getattr(theirs.state, name)), (mine.number, name)
        for one_memory, other_memory in zip(mine.state.memories, theirs.state.memories, strict=True):
            assert one_memory.keys() == other_memory.keys()
            assert all(torch.equal(one_memory[key], other_memory[key]) for key in one_memory), mine.number
        assert mine.losses == theirs.losses


def schedules(events: Sequence[str]) -> st.SearchStrategy[Schedule]:
    """Anna answers always: a round that nobody answers does not count."""
    keys = st.tuples(st.integers(0, ROUNDS - 1), st.sampled_from(NAMES[1:]))
    return st.dictionaries(keys, st.sampled_from(events), max_size=8)


lives = st.lists(st.integers(0, 2), max_size=2)
methods = st.sampled_from(sorted(METHODS))
spans = st.dictionaries(
    st.sampled_from(NAMES[1:]),
    st.tuples(st.integers(1, ROUNDS), st.integers(0, ROUNDS)).map(
        lambda pair: {"joins": pair[0], "leaves": pair[0] + pair[1]}
    ),
)
FEW = settings(max_examples=many(20))


@FEW
@given(schedule=schedules([*USELESS, *HARMLESS]), stops=lives, method=methods, away=spans)
def test_under_keep_what_is_of_no_use_is_as_if_it_had_not_come(
    schedule: Schedule, stops: list[int], method: str, away: Spans
) -> None:
    tally("schedules")
    silence = {key: "gone" for key, event in schedule.items() if event in USELESS}
    found = play(method, Weather(schedule), federation("keep", away), stops)
    same(found, play(method, Weather(silence), federation("keep", away)))
    for each in found:
        outside = {name for name, span in away.items() if not span["joins"] <= each.number <= span["leaves"]}
        silent = {name for number, name in silence if number == each.number - 1}
        assert each.missing.get("train", {}).keys() == outside | silent
        assert all(each.missing["train"].values() for _ in each.missing.get("train", {}))


@FEW
@given(schedule=schedules(USELESS), method=methods, away=spans)
def test_under_keep_who_is_away_stays_as_it_was(schedule: Schedule, method: str, away: Spans) -> None:
    tally("schedules")
    found = play(method, Weather(schedule), federation("keep", away))
    for before, after in itertools.pairwise(found):
        for name in after.missing.get("train", {}):
            place = NAMES.index(name)
            slots = [k for k, whose in enumerate(n for n in NAMES for _ in TASKS[n]) if whose == name]
            assert torch.equal(before.state.encoders[place], after.state.encoders[place])
            assert torch.equal(before.state.decoders[slots], after.state.decoders[slots])
            assert before.state.since[place] == after.state.since[place]
            for memory, rows in enumerate(([place], slots)):
                for key in {"alpha", "beta"} & after.state.memories[memory].keys():
                    mine, theirs = (each.state.memories[memory][key][rows] for each in (before, after))
                    assert torch.equal(mine, theirs), (name, key)


@FEW
@given(
    schedule=schedules([*USELESS, *HARMLESS]),
    stops=lives,
    method=methods,
    times=st.integers(1, 3),
)
def test_under_wait_the_run_is_the_one_in_which_nothing_went_wrong(
    schedule: Schedule, stops: list[int], method: str, times: int
) -> None:
    tally("schedules")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fedhca.server.replies.RETRY_SECONDS", 0.0)
        found = play(method, Weather(schedule, times), WAIT, stops)
    same(found, play(method, Weather({}), FAIL))


@FEW
@given(schedule=schedules([*USELESS, "twice", "a stranger's too"]), method=methods)
def test_under_fail_the_run_stops_with_one_line_and_goes_on_from_there(schedule: Schedule, method: str) -> None:
    tally("schedules")
    weather, rounds, stopped = Weather(schedule, times=1), list[Round](), list[str]()
    with tempfile.TemporaryDirectory() as place:
        while len(rounds) < ROUNDS:
            going = drive(make_method(method), weather, FAIL, Path(place))
            try:
                rounds += going
            except FedhcaError as error:
                stopped += [str(error)]
    # One life meets at least one event, and all clients in whose name something came before it stopped.
    assert bool(schedule) <= len(stopped) <= len(schedule)
    assert all(line.startswith("Client '") and "\n" not in line for line in stopped)
    same(rounds, play(method, Weather({}), FAIL))


@pytest.mark.parametrize("method", ["fedhca2", "fedavg"])
def test_one_joins_in_round_3_and_one_leaves_for_good(method: str) -> None:
    away = {"bert": {"joins": 3}, "cleo": {"leaves": 1}}
    first, second, third, fourth = play(method, Weather({}), federation("fail", away))
    assert first.missing == {"train": {"bert": "joins in round 3."}, "evaluate": {"bert": "joins in round 3."}}
    assert second.missing["train"] == {"bert": "joins in round 3.", "cleo": "left after round 1."}
    assert third.missing["train"] == fourth.missing["train"] == {"cleo": "left after round 1."}
    assert fourth.state.since.tolist() == [4, 4, 1, 4]
    assert torch.equal(second.state.encoders[1], HELLOS[1].parameters.encoder)
    assert not torch.equal(third.state.encoders[1], HELLOS[1].parameters.encoder)
