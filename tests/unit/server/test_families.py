"""Two architectures in one federation, by hand: who is mixed with whom, and what the journal says of it."""

from collections.abc import Callable

import pytest
import torch

from fedhca.config.federation import Federation
from fedhca.errors import LayoutError
from fedhca.experiment import journal
from fedhca.methods import make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import ClientRegistry, Round, initial_state, rounds
from fedhca.server.architecture_group import architecture_lines
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, TrainRequest
from fedhca.wire.parameters import Parameters

WIDE, SLIM = Layout.of({"patch.weight": (2,)}), Layout.of({"stem.weight": (1,)})
DEEP, FLAT = Layout.of({"one.weight": (1,), "two.weight": (1,)}), Layout.of({"one.weight": (1,)})
TASKS = {"a": ("semseg",), "b": ("semseg", "depth"), "c": ("depth",)}
ONE = Federation(rounds=1, evaluate_every=1)
MOVES = {"a": 1.0, "b": 2.0, "c": 3.0}


def hello(name: str, encoder: Layout, decoder: Layout) -> Hello:
    start = Parameters(torch.zeros(encoder.width), torch.zeros(len(TASKS[name]), decoder.width))
    return Hello(name, "data", TASKS[name], 1, encoder, decoder, start)


def train(request: TrainRequest) -> Parameters:
    move = MOVES[request.client]
    return Parameters(request.parameters.encoder + move, request.parameters.decoders + move)


def played(method: str, encoder_of: Callable[[str], Layout], decoder_of: Callable[[str], Layout]) -> Round:
    hellos = [hello(name, encoder_of(name), decoder_of(name)) for name in TASKS]
    made, roster = make_method(method), ClientRegistry.of(hellos)
    return list(rounds(made, ScriptedRuntime(hellos, train), initial_state(made, roster, hellos, ONE), ONE))[-1]


@pytest.fixture(scope="module")
def apart() -> Round:
    """FedAvg where b has an encoder of its own, and c decoders of its own."""
    return played("fedavg", lambda name: SLIM if name == "b" else WIDE, lambda name: FLAT if name == "c" else DEEP)


def test_each_family_has_its_number_its_name_and_its_places(apart: Round) -> None:
    found = [(each.part, each.number, each.suffix, each.clients, each.places) for each in apart.state.roster.families]
    assert found == [
        ("encoder", 1, "", ("a", "c"), (0, 2)),
        ("encoder", 2, "-2", ("b",), (1,)),
        ("decoder", 1, "", ("a", "b"), (0, 1, 2)),
        ("decoder", 2, "-2", ("c",), (3,)),
    ]


def test_averages_are_within_a_family(apart: Round) -> None:
    found = apart.state.parameters
    assert {name: each.encoder.tolist() for name, each in found.items()} == {"a": [2, 2], "b": [2], "c": [2, 2]}
    third = pytest.approx(5 / 3)
    assert {name: each.decoders.tolist() for name, each in found.items()} == {
        "a": [[third, third]],
        "b": [[third, third]] * 2,
        "c": [[3]],
    }


def test_the_journal_has_one_matrix_in_which_nobody_hears_another_family(apart: Round) -> None:
    line = journal.entry(apart)
    assert line["encoder"]["mixing"] == [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]
    assert line["encoder"]["gram"] == [[2, None, 6], [None, 4, None], [6, None, 18]]
    third = pytest.approx(1 / 3, abs=1e-9)
    assert line["decoder"]["mixing"] == [[third, third, third, 0]] * 3 + [[0, 0, 0, 1]]
    assert line["decoder"]["gram"] == [[2, 4, 4, None], [4, 8, 8, None], [4, 8, 8, None], [None, None, None, 9]]


def test_the_journal_says_who_is_in_which_family_and_why(apart: Round) -> None:
    found = journal.entry(apart)["families"]
    assert found == {
        "encoder": [
            {"clients": ["a", "c"], "unlike": ""},
            {
                "clients": ["b"],
                "unlike": "parameter 0 is `stem.weight` of shape [1] instead of `patch.weight` of shape [2]",
            },
        ],
        "decoder": [
            {"clients": ["a", "b"], "unlike": ""},
            {"clients": ["c"], "unlike": "parameter 1 is nothing instead of `two.weight` of shape [1]"},
        ],
    }
    assert architecture_lines(found)[1] == (
        "Decoders are of 2 architectures, each mixed within its own: a, b; "
        "c, who hears nobody else (parameter 1 is nothing instead of `two.weight` of shape [1])."
    )


def test_hyper_weights_stand_at_the_places_of_their_owners() -> None:
    found = played("fedhca2", lambda name: SLIM if name == "a" else WIDE, lambda name: FLAT if name == "b" else DEEP)
    line = journal.entry(found)
    assert line["encoder"]["alpha"] == [0.1] * 3
    assert line["decoder"]["beta"] == [[0.1, 0.1], [0.1, None], [0.1, None], [0.1, 0.1]]


def test_what_is_of_one_family_is_read_as_a_table_and_what_is_of_several_by_client(apart: Round) -> None:
    one = played("fedavg", lambda name: WIDE, lambda name: FLAT if name == "c" else DEEP)
    assert one.state.encoders.tolist() == [[2, 2]] * 3
    assert list(journal.entry(one)["families"]) == ["decoder"]
    with pytest.raises(LayoutError, match=r"^All decoders should be of one architecture .* Found 2\. Read them by"):
        _ = one.state.decoders
    alike = played("fedavg", lambda name: WIDE, lambda name: DEEP)
    assert "families" not in journal.entry(alike)
