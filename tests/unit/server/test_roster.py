import pytest
import torch

from fedhca.errors import RecipeError
from fedhca.server import ClientRegistry
from fedhca.server.architecture_group import architecture_lines, architectures
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello
from fedhca.wire.parameters import Parameters
from tiny import same_parameters

ENCODER, DECODER = Layout.of({"patch.weight": (3,)}), Layout.of({"fuse.weight": (2,)})


def hello(
    client: str, *tasks: str, dataset: str = "pascal", encoder: Layout = ENCODER, decoder: Layout = DECODER
) -> Hello:
    zeros = Parameters(torch.zeros(encoder.width), torch.zeros(len(tasks), decoder.width))
    return Hello(client, dataset, tasks, 10 * len(client), encoder, decoder, zeros)


HELLOS = [hello("multi", "semseg", "depth", dataset="nyud"), hello("c", "semseg"), hello("b10", "parts")]
ROSTER = ClientRegistry.of(HELLOS)
GIVEN = ClientRegistry.of(HELLOS, ["c", "multi", "b10"])


@pytest.mark.parametrize("hellos", [HELLOS, HELLOS[::-1]])
def test_clients_stand_by_name_whatever_the_order_of_hellos(hellos: list[Hello]) -> None:
    assert ClientRegistry.of(hellos).names == ("b10", "c", "multi")


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
        ClientRegistry.of(hellos, order)
    assert str(error.value).startswith(line)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_another_architecture_is_a_family_of_its_own_named_with_its_first_difference(part: str) -> None:
    other = Layout.of({"x.weight": (5,)})
    stranger = hello("z", "depth", encoder=other) if part == "encoder" else hello("z", "depth", decoder=other)
    families = ClientRegistry.of([*HELLOS, stranger]).families
    assert [(each.part, each.number, each.clients) for each in families if each.part == part] == [
        (part, 1, ("b10", "c", "multi")),
        (part, 2, ("z",)),
    ]
    (line,) = architecture_lines(architectures(families))
    mine = {"encoder": "`patch.weight` of shape [3]", "decoder": "`fuse.weight` of shape [2]"}[part]
    assert line == (
        f"{part.capitalize()}s are of 2 architectures, each mixed within its own: b10, c, multi; z, who hears nobody "
        f"else (parameter 0 is `x.weight` of shape [5] instead of {mine})."
    )


def test_one_architecture_is_one_family_of_each_part_and_nothing_is_said_of_it() -> None:
    assert [(each.part, each.suffix, each.clients) for each in ROSTER.families] == [
        ("encoder", "", ("b10", "c", "multi")),
        ("decoder", "", ("b10", "c", "multi")),
    ]
    assert architectures(ROSTER.families) == {}


def test_rows_of_several_families_stack_and_unstack() -> None:
    wide, long = Layout.of({"patch.weight": (7,)}), Layout.of({"fuse.weight": (2,), "fuse.bias": (3,)})
    hellos = [
        hello("a", "depth", encoder=wide),
        hello("b", "depth", "edge", decoder=long),
        hello("c", "edge", encoder=wide, decoder=long),
        hello("d", "depth"),
    ]
    roster = ClientRegistry.of(hellos)
    assert [(each.part, each.clients, each.places) for each in roster.families] == [
        ("encoder", ("a", "c"), (0, 2)),
        ("encoder", ("b", "d"), (1, 3)),
        ("decoder", ("a", "d"), (0, 4)),
        ("decoder", ("b", "c"), (1, 2, 3)),
    ]
    given = {
        each.client: Parameters(torch.randn_like(each.parameters.encoder), torch.randn_like(each.parameters.decoders))
        for each in hellos
    }
    tables = roster.stack({name: given[name] for name in "dbca"})
    assert [tuple(each.shape) for each in tables] == [(2, 7), (2, 3), (2, 2), (3, 5)]
    found = roster.unstack(*tables)
    assert list(found) == ["a", "b", "c", "d"]
    assert all(same_parameters(found[name], given[name]) for name in found)
    assert roster.among("ad") == ClientRegistry.of([hellos[0], hellos[3]])


def test_some_of_the_clients_are_a_roster_too() -> None:
    few = GIVEN.among({"b10", "c"})
    assert few.names == ("c", "b10")
    assert few == ClientRegistry.of([HELLOS[1], HELLOS[2]], ["c", "b10"])
