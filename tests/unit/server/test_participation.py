import pytest
import torch

from fedhca.config.federation import ClientEntry, Federation
from fedhca.errors import RecipeError
from fedhca.methods import make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import ClientRegistry, Round, initial_state, rounds
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, TrainRequest
from fedhca.wire.parameters import Parameters

LAYOUT = Layout.of({"w.weight": (1,)})
NAMES = ("a", "b", "c")


def span(name: str = "a", **ends: int) -> ClientEntry:
    return ClientEntry(name=name, dataset="data", tasks=("depth",), **ends)


def play(until: int, **spans: dict[str, int]) -> list[Round]:
    """Everybody begins at 0 and moves by 1 in each round in which it is asked; what it holds is what is measured."""
    zero = Parameters(torch.zeros(1), torch.zeros(1, 1))
    hellos = [Hello(name, "data", ("depth",), 1, LAYOUT, LAYOUT, zero) for name in NAMES]

    def train(request: TrainRequest) -> Parameters:
        return Parameters(request.parameters.encoder + 1, request.parameters.decoders + 1)

    method, runtime = make_method("local"), ScriptedRuntime(hellos, train, lambda request: {"depth": 1.0})
    clients = tuple(span(name, **spans.get(name, {})) for name in NAMES)
    federation = Federation(rounds=until, evaluate_every=1, clients=clients)
    state = initial_state(method, ClientRegistry.of(hellos, NAMES), hellos, federation)
    return list(rounds(method, runtime, state, federation))


def test_a_client_takes_part_in_rounds_from_1_with_both_ends() -> None:
    found = [span(joins=3, leaves=5).absence(number) for number in range(1, 8)]
    assert found == ["joins in round 3."] * 2 + [""] * 3 + ["left after round 5."] * 2
    assert [span(joins=2, leaves=2).absence(number) for number in (1, 2, 3)] == [
        "joins in round 2.",
        "",
        "left after round 2.",
    ]
    assert span().absence(1) == span().absence(10**6) == ""


def test_who_is_away_is_not_asked_and_stays_as_it_was() -> None:
    found = play(4, b={"joins": 3}, c={"leaves": 1})
    assert [each.state.encoders[:, 0].tolist() for each in found] == [[1, 0, 1], [2, 0, 1], [3, 1, 1], [4, 2, 1]]
    assert [each.missing.get("train", {}) for each in found] == [
        {"b": "joins in round 3."},
        {"b": "joins in round 3.", "c": "left after round 1."},
        {"c": "left after round 1."},
        {"c": "left after round 1."},
    ]
    assert [each.missing.get("evaluate", {}) for each in found] == [each.missing["train"] for each in found]
    assert [list(each.bytes) for each in found] == [["a", "c"], ["a"], ["a", "b"], ["a", "b"]]
    assert [str(each.metrics["c"]) for each in found] == ["{'depth': 1.0}"] + ["{'depth': nan}"] * 3
    assert found[-1].state.since.tolist() == [4, 4, 1]
    assert found[-1].state.begins is not None
    assert found[-1].state.begins.tolist() == [0, 2, 0]


def test_in_every_round_somebody_takes_part() -> None:
    spans = {"a": {"leaves": 2}, "b": {"leaves": 1}, "c": {"joins": 4}}
    assert len(play(2, **spans)) == 2
    with pytest.raises(RecipeError) as error:
        play(3, **spans)
    assert str(error.value) == "In every round somebody should take part. Found nobody in round 3."


@pytest.mark.parametrize(
    ("ends", "line"),
    [
        (
            {"joins": 0},
            "ClientEntry: `joins` should be a whole number, at least 1 and at most 1000000, such as 1. Found 0.",
        ),
        ({"joins": 3, "leaves": 2}, "ClientEntry: `leaves` should be at least 3, where it joins; found 2."),
    ],
)
def test_a_span_that_cannot_be_is_refused(ends: dict[str, int], line: str) -> None:
    with pytest.raises(RecipeError) as error:
        span(**ends)  # type: ignore[arg-type]
    assert str(error.value) == line
