import pytest
import torch

from fedhca.errors import LayoutError, RecipeError
from fedhca.layout import Layout
from fedhca.messages import Hello
from fedhca.parameters import Parameters
from fedhca.server import Roster

ENCODER, DECODER = Layout.of({"patch.weight": (3,)}), Layout.of({"fuse.weight": (2,)})


def hello(
    client: str, *tasks: str, dataset: str = "pascal", encoder: Layout = ENCODER, decoder: Layout = DECODER
) -> Hello:
    zeros = Parameters(torch.zeros(encoder.width), torch.zeros(len(tasks), decoder.width))
    return Hello(client, dataset, tasks, 10 * len(client), encoder, decoder, zeros)


HELLOS = [hello("multi", "semseg", "depth", dataset="nyud"), hello("c", "semseg"), hello("b10", "parts")]
ROSTER = Roster.of(HELLOS)
GIVEN = Roster.of(HELLOS, ["c", "multi", "b10"])


@pytest.mark.parametrize("hellos", [HELLOS, HELLOS[::-1]])
def test_clients_stand_by_name_whatever_the_order_of_hellos(hellos: list[Hello]) -> None:
    assert Roster.of(hellos).names == ("b10", "c", "multi")


def test_or_in_the_given_order() -> None:
    assert GIVEN.names == ("c", "multi", "b10")
    assert [(m.client, m.dataset, m.tasks, m.examples) for m in GIVEN.members] == [
        ("c", "pascal", ("semseg",), 10),
        ("multi", "nyud", ("semseg", "depth"), 50),
        ("b10", "pascal", ("parts",), 30),
    ]


def test_decoders_stand_client_by_client_and_task_by_task() -> None:
    assert [(m.client, m.dataset, m.tasks, m.examples) for m in GIVEN.decoder_members] == [
        ("c", "pascal", ("semseg",), 10),
        ("multi", "nyud", ("semseg",), 50),
        ("multi", "nyud", ("depth",), 50),
        ("b10", "pascal", ("parts",), 30),
    ]


def test_stack_and_unstack_are_inverse() -> None:
    encoders, decoders = torch.arange(9.0).view(3, 3), torch.arange(8.0).view(4, 2)
    shares = GIVEN.unstack(encoders, decoders)
    assert list(shares) == ["c", "multi", "b10"]
    assert torch.equal(shares["multi"].encoder, encoders[1])
    assert torch.equal(shares["multi"].decoders, decoders[1:3])
    mixed = {name: shares[name] for name in ("b10", "c", "multi")}
    assert all(torch.equal(a, b) for a, b in zip(GIVEN.stack(mixed), (encoders, decoders), strict=True))


@pytest.mark.parametrize(
    ("hellos", "order", "line"),
    [
        ([], None, "Clients should be at least one. Found []."),
        ([], ["a"], "Clients should be ['a']. Found []."),
        (HELLOS, [], "Clients should be at least one. Found ['b10', 'c', 'multi']."),
        ([*HELLOS, hello("c", "depth")], None, "Client names should be unique. Found two clients 'c'. Rename one."),
        ([hello("a")], None, "Client 'a' should have at least one task. Found none. List its tasks."),
        (HELLOS, ["c", "multi"], "Clients should be ['c', 'multi']. Found ['b10', 'c', 'multi']."),
        (HELLOS, ["c", "multi", "b10", "d"], "Clients should be ['c', 'multi', 'b10', 'd']. Found "),
        (HELLOS, ["c", "multi", "b10", "c"], "Clients should be ['c', 'multi', 'b10', 'c']. Found "),
    ],
)
def test_a_federation_that_cannot_be_is_refused(hellos: list[Hello], order: list[str] | None, line: str) -> None:
    with pytest.raises(RecipeError) as error:
        Roster.of(hellos, order)
    assert str(error.value).startswith(line)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_another_architecture_is_refused_by_its_first_difference(part: str) -> None:
    other = Layout.of({"x.weight": (5,)})
    stranger = hello("z", "depth", encoder=other) if part == "encoder" else hello("z", "depth", decoder=other)
    with pytest.raises(LayoutError, match=rf"Parameter 0 of client 'z', its {part}.* Found `x\.weight` of shape \[5\]"):
        Roster.of([*HELLOS, stranger])


def test_some_of_the_clients_are_a_roster_too() -> None:
    few = GIVEN.among({"b10", "c"})
    assert few.names == ("c", "b10")
    assert few == Roster.of([HELLOS[1], HELLOS[2]], ["c", "b10"])
