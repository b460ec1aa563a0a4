import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import fedhca
from fedhca import Federation, Guard, Training, make_method
from fedhca.aggregation import Member, Rows, passes
from fedhca.config.federation import ClientEntry
from fedhca.engines.agreement import require_agreed
from fedhca.errors import MissingReplyError, RecipeError, RunFolderError
from fedhca.experiment import journal
from fedhca.experiment.drive import drive, run_settings
from fedhca.experiment.recipes import load_recipe
from fedhca.methods import Method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import ClientRegistry, Round, initial_state, rounds
from fedhca.server.guard import check_lengths
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, Missing, TrainRequest
from fedhca.wire.parameters import Parameters
from tiny import RECIPE, WIDTH, encoder, participant

ENCODER, DECODER = Layout.of({"patch.weight": (3,)}), Layout.of({"fuse.weight": (2,), "fuse.bias": (1,)})
TASKS = {"a": ("semseg",), "b": ("semseg", "depth"), "c": ("depth",), "d": ("edge",)}
Lengths = dict[str, tuple[float, float]]
"""How far each client's encoder and last decoder move, per number."""


def hello(name: str) -> Hello:
    start = Parameters(torch.full((3,), 2.0), torch.full((len(TASKS[name]), 3), -1.0))
    return Hello(name, "data", TASKS[name], 1, ENCODER, DECODER, start)


def clients(*names: str) -> tuple[ClientEntry, ...]:
    return tuple(ClientEntry(name=name, dataset="data", tasks=TASKS[name]) for name in names)


def moving(lengths: Lengths, away: Sequence[str] = ()) -> Callable[[TrainRequest], Parameters | Missing]:
    def train(request: TrainRequest) -> Parameters | Missing:
        if request.client in away:
            return Missing(request.client, "asleep")
        encoder, decoder = lengths.get(request.client, (1.0, 1.0))
        decoders = request.parameters.decoders + 1
        decoders[-1] += decoder - 1
        return Parameters(request.parameters.encoder + encoder, decoders)

    return train


def play(
    guard: Guard,
    lengths: Lengths,
    *,
    method: Method | str = "local",
    away: Sequence[str] = (),
    names: Sequence[str] = tuple(TASKS),
    **options: Any,
) -> tuple[list[Round], list[Missing]]:
    told: list[Missing] = []
    made = make_method(method) if isinstance(method, str) else method
    hellos = [hello(name) for name in names]
    roster = ClientRegistry.of(hellos)
    runtime = ScriptedRuntime(hellos, moving(lengths, away))
    how = Federation(**{"rounds": 1, "on_missing": "keep", "guard": guard, "clients": clients(*names), **options})
    return list(rounds(made, runtime, initial_state(made, roster, hellos, how), how, told.append)), told


def moved(found: Round) -> list[list[float]]:
    """How far each encoder and each decoder has come, per number."""
    return [
        [round(float((row - start)[0]), 5) for row in rows]
        for rows, start in ((found.state.encoders, 2.0), (found.state.decoders, -1.0))
    ]


def test_what_is_longer_than_the_bound_is_shortened_to_it_in_its_own_direction() -> None:
    (found,), told = play(Guard(bound=3.0), {"c": (-60.0, 1.0), "d": (2.5, 1.0)})
    assert moved(found) == [[1, 1, -5.25, 2.5], [1, 1, 1, 1, 1]]  # of 1, 1, 2.5 and 60 the median is 1.75
    assert found.shortened == {"c": pytest.approx(5.25 / 60)}
    assert (found.missing, told) == ({}, [])


def test_decoders_are_held_against_decoders_and_the_least_factor_is_told() -> None:
    (found,), _ = play(Guard(bound=2.0), {"b": (4.0, 7.0)})  # its decoders of 1 and 7 are √25 long together, so halved
    assert moved(found) == [[1, 2, 1, 1], [1, 0.4, 2.8, 1, 1]]
    assert found.shortened == {"b": pytest.approx(0.4)}


@settings(max_examples=40)
@given(
    decoders=st.lists(st.integers(1, 3), min_size=2, max_size=6),
    liars=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    exponent=st.integers(-20, 20),
    seed=st.integers(0, 1000),
)
def test_less_than_half_of_the_clients_cannot_turn_the_guard_whatever_the_number_of_their_decoders(
    decoders: list[int], liars: list[int], exponent: int, seed: int
) -> None:
    """Others whose lengths are no more than the bound apart are neither shortened nor refused, and no liar is above."""
    liars = liars[: len(decoders) - 1]
    owners = [f"honest{i}" for i, count in enumerate(decoders) for _ in range(count)]
    owners += [f"liar{i}" for i, count in enumerate(liars) for _ in range(count)]
    draw = torch.Generator().manual_seed(seed)
    moves = torch.randn(len(owners), 8, generator=draw, dtype=torch.float64)
    moves *= (1 + torch.rand(len(owners), 1, generator=draw)) / moves.norm(dim=1, keepdim=True)
    moves[sum(decoders) :] *= 10.0**exponent
    rows = rows_of(torch.zeros_like(moves), moves, owners)
    verdict = check_lengths(
        Guard(bound=2.0, reject=10.0), [("encoder", rows_of(moves[:1], moves[:1])), ("decoder", rows)]
    )
    assert not any(name.startswith("honest") for name in {**verdict.refused, **verdict.shortened})
    assert torch.equal(rows.end[: sum(decoders)], moves[: sum(decoders)])
    if exponent > 1:
        assert verdict.refused.keys() == {f"liar{i}" for i in range(len(liars))}


def test_who_sends_far_more_is_as_if_it_had_not_answered() -> None:
    lengths = {"b": (50.0, 1.0), "c": (1.0, 11.0)}
    found, told = play(Guard(bound=3.0, reject=10.0), lengths, method="fedhca2", rounds=3)
    away, _ = play(Guard(), {}, method="fedhca2", rounds=3, away=("b", "c"))
    for one, other in zip(found, away, strict=True):
        assert torch.equal(one.state.encoders, other.state.encoders)
        assert torch.equal(one.state.decoders, other.state.decoders)
        assert torch.equal(one.state.since, other.state.since)
        for name, value in one.state.memories[0].items():
            assert torch.equal(value, other.state.memories[0][name])
        assert one.losses.keys() == one.bytes.keys() == one.clients.keys() == {"a", "d"}
        assert one.shortened == {}
    line = "its encoder's update is 50 times as long as the median of this round; 10 times is allowed."
    assert found[0].missing == {"train": {"b": line, "c": line.replace("encoder", "decoder").replace("50", "11")}}
    assert [(each.client, each.cause) for each in told[:1]] == [("b", line)]


def test_to_fail_is_to_stop_with_a_line_that_has_the_numbers() -> None:
    with pytest.raises(MissingReplyError) as error:
        play(Guard(reject=10.0), {"d": (50.0, 1.0)}, on_missing="fail")
    assert str(error.value) == (
        "Client 'd' should send an update of a usual length in round 1. Found: its encoder's update is 50 times as "
        "long as the median of this round; 10 times is allowed. Raise `guard.reject`, or set `on_missing: keep`."
    )


def test_to_wait_is_to_go_on_without_it_as_it_would_answer_the_same() -> None:
    (found,), _ = play(Guard(reject=10.0), {"d": (50.0, 1.0)}, on_missing="wait")
    assert found.missing["train"].keys() == {"d"}
    assert moved(found) == [[1, 1, 1, 0], [1, 1, 1, 1, 0]]


@pytest.mark.parametrize("mode", ["keep", "wait"])
def test_enough_clients_must_be_left(mode: Any) -> None:
    lengths = {"d": (50.0, 1.0)}
    assert play(Guard(reject=10.0), lengths, on_missing=mode, min_clients=3)[0]
    with pytest.raises(MissingReplyError, match=r"At least 4 clients should answer in round 1\. Found 3: d: its enc"):
        play(Guard(reject=10.0), lengths, on_missing=mode, min_clients=4)


def test_the_median_is_of_those_who_answered() -> None:
    lengths = {"a": (1.0, 1.0), "b": (1.0, 1.0), "c": (10.0, 1.0), "d": (9.0, 1.0)}
    (everybody,), _ = play(Guard(bound=1.0), lengths)
    (some,), _ = play(Guard(bound=1.0), lengths, away=("a",))
    assert moved(everybody)[0] == [1, 1, 5, 5]
    assert moved(some)[0] == [0, 1, 9, 9]
    assert some.missing["train"] == {"a": "asleep"}


def test_of_two_updates_or_a_median_of_zero_nothing_is_said() -> None:
    lengths = {"a": (1000.0, 1.0)}
    (two,), _ = play(Guard(bound=1.0, reject=2.0), lengths, names=("a", "c"))
    assert moved(two)[0] == [1000, 1]
    still = {"b": (0.0, 1.0), "c": (0.0, 1.0), "d": (0.0, 1.0)}
    (resting,), _ = play(Guard(bound=1.0, reject=2.0), lengths | still)
    assert moved(resting)[0] == [1000, 0, 0, 0]


@pytest.mark.parametrize("method", ["local", "fedavg", "fedhca2", "fedamp", "matfl"])
def test_a_guard_that_finds_nothing_changes_no_bit(method: str) -> None:
    lengths = {"a": (0.3, 1.0), "b": (1.1, 0.7), "d": (0.9, 1.2)}
    guarded, plain = (
        play(each, lengths, method=method, rounds=3)[0][-1] for each in (Guard(bound=9.0, reject=10.0), Guard())
    )
    assert torch.equal(guarded.state.encoders, plain.state.encoders)
    assert torch.equal(guarded.state.decoders, plain.state.decoders)


@pytest.mark.parametrize("method", ["fedavg", "fedhca2", "fedamp", "cagrad"])
def test_what_is_mixed_is_what_was_shortened(method: str) -> None:
    guarded, told = (
        play(guard, {"d": (length, 1.0)}, method=method, rounds=3)[0]
        for guard, length in ((Guard(bound=2.0), 64.0), (Guard(), 2.0))
    )
    for one, other in zip(guarded, told, strict=True):
        torch.testing.assert_close(one.state.encoders, other.state.encoders)
        torch.testing.assert_close(one.encoder.notes["gram"], other.encoder.notes["gram"], rtol=1e-5, atol=1e-5)


@settings(max_examples=20)
@given(
    exponents=st.lists(st.integers(-30, 30), min_size=3, max_size=7),
    bound=st.floats(1, 20),
    seed=st.integers(0, 1000),
    loops=st.booleans(),
)
def test_no_update_is_longer_than_the_bound_and_the_shorter_ones_are_as_they_were(
    exponents: list[int], bound: float, seed: int, loops: bool
) -> None:
    draw = torch.Generator().manual_seed(seed)
    moves = torch.randn(len(exponents), 40, generator=draw, dtype=torch.float64)
    moves *= 2.0 ** torch.tensor(exponents, dtype=torch.float64)[:, None]
    rows = rows_of(torch.zeros_like(moves), moves)
    lengths = moves.norm(dim=1)
    most = float(bound * lengths.quantile(0.5))
    with pytest.MonkeyPatch.context() as patch:
        if not loops:
            patch.setattr(passes.Tables, "suit_loops", lambda tables, *others: False)
        verdict = check_lengths(
            Guard(bound=bound), [("encoder", rows), ("decoder", rows_of(moves[:2], moves[:2].clone()))]
        )
    found = rows.end.norm(dim=1)
    torch.testing.assert_close(found, lengths.clamp_max(most))
    torch.testing.assert_close(rows.end / found[:, None], moves / lengths[:, None])
    for member, before, after, length in zip(rows.members, moves, rows.end, lengths.tolist(), strict=True):
        assert (member.client in verdict.shortened) == (length > most)
        assert length > most or torch.equal(before, after)


def rows_of(start: Tensor, end: Tensor, owners: Sequence[str] = ()) -> Rows:
    names = owners or [f"client{i}" for i in range(len(end))]
    members = tuple(Member(name, "data", ("depth",)) for name in names)
    return Rows(start, end.clone(), members, Layout.of({"w": (end.shape[1],)}))


def test_less_than_half_of_the_clients_cannot_push_the_bound_up() -> None:
    honest = torch.eye(7, dtype=torch.float64)
    for huge in (1e3, 1e10):
        sent = honest.clone()
        sent[:3] *= huge
        rows = rows_of(torch.zeros_like(sent), sent)
        verdict = check_lengths(Guard(bound=1.0), [("encoder", rows), ("decoder", rows_of(honest, honest))])
        assert verdict.shortened.keys() == {"client0", "client1", "client2"}
        torch.testing.assert_close(rows.end, honest)


def test_no_pass_is_spent_where_it_is_off_and_none_more_where_it_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def survey(*words: Any, centred: bool) -> Tensor:
        seen.append(centred)
        return passes.gram(*words, centred=centred)

    monkeypatch.setattr("fedhca.aggregation.rows.gram", survey)
    counts = {}
    for name, guard, lengths in (
        ("off", Guard(), {}),
        ("nothing", Guard(bound=3.0, reject=10.0), {}),
        ("shortened", Guard(bound=3.0, reject=10.0), {"a": (5.0, 1.0)}),
    ):
        seen.clear()
        play(guard, lengths, method="fedavg")
        counts[name] = len(seen)
    assert counts == {"off": 2, "nothing": 2, "shortened": 4}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"bound": 0.5}, "`bound` should be a number, at least 1 and at most 1000000000, such as 2. Found 0.5."),
        (
            {"bound": float("nan")},
            "`bound` should be a number, at least 1 and at most 1000000000, such as 2. Found nan.",
        ),
        ({"reject": 1.0}, "`reject` should be a number, above 1 and at most 1000000000, such as 10. Found 1.0."),
        ({"bound": 3.0, "reject": 2.0}, "`reject` should be above `bound`, 3.0; found 2.0."),
        ({"bound": 2.0, "reject": 2.0}, "`reject` should be above `bound`, 2.0; found 2.0."),
    ],
)
def test_a_guard_that_cannot_be_is_refused(options: dict[str, float], line: str) -> None:
    with pytest.raises(RecipeError) as error:
        Guard(**options)
    assert str(error.value) == f"Guard: {line}"


def test_a_recipe_says_it_and_a_run_may_have_its_own() -> None:
    recipe = load_recipe(RECIPE, ["guard.bound=3", "guard.reject=10"])
    assert recipe.guard == Guard(bound=3.0, reject=10.0)
    assert load_recipe(RECIPE).guard == Guard()
    require_agreed(load_recipe(RECIPE), recipe, "one")
    for change, line in (
        ("guard.bound=0.5", "`guard.bound` should be a number, at least 1"),
        ("guard={bound: 4, reject: 3}", "`reject` should be above `bound`, 4.0; found 3.0"),
    ):
        with pytest.raises(RecipeError, match=line):
            load_recipe(RECIPE, [change])


def test_a_client_that_is_refused_goes_back_to_its_own_state_and_a_run_goes_on_as_if_never_interrupted(
    tmp_path: Path,
) -> None:
    def run(folder: str, rounds: int) -> list[Round]:
        going = fedhca.run(
            [participant(name, "depth") for name in "abc"],
            encoder(),
            "trimmed",
            rounds=4,
            evaluate_every=1,
            training=Training(batch_size=2, learning_rate=1e-2),
            model={"width": WIDTH},
            out=tmp_path / folder,
            on_missing="keep",
            guard=Guard(reject=1.0001),  # of three, the longest
        )
        return list(islice(going, rounds))

    whole = run("whole", 4)
    assert all(each.missing["train"].keys() < {"a", "b", "c"} for each in whole)
    assert any(whole[-1].state.since < 4)
    run("stopped", 2)
    (*_, last) = run("stopped", 4)
    assert torch.equal(last.state.encoders, whole[-1].state.encoders)
    assert last.metrics == whole[-1].metrics


def test_the_journal_says_whose_updates_were_shortened_and_a_folder_keeps_its_guard(tmp_path: Path) -> None:
    hellos = [hello(name) for name in TASKS]

    method = make_method("fedavg")
    plain = Federation(evaluate_every=1, clients=clients(*TASKS))

    def run(guard: Guard, until: int) -> list[Round]:
        runtime = ScriptedRuntime(hellos, moving({"d": (8.0, 1.0)} if until == 2 else {}))
        return [*islice(drive(method, runtime, plain.model_copy(update={"guard": guard}), tmp_path), 1)]

    run(Guard(bound=2.0), 1)
    run(Guard(bound=2.0), 2)
    first, second = journal.read_lines(tmp_path / "journal.jsonl")
    assert "shortened" not in first
    assert second["shortened"] == {"d": 0.25}
    with pytest.raises(RunFolderError, match=r"other settings: `guard` is .* there and None here"):
        run(Guard(), 3)
    assert "guard" not in json.dumps(run_settings(method, plain))  # as before there were any
