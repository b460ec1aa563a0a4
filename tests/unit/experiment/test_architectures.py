"""Whole federations of several architectures: two backbones, two widths, a decoder of one's own."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fedhca
from fedhca import RunFolder, Training, load_recipe
from fedhca.client.clients import Clients
from fedhca.client.participant import Participant
from fedhca.config.federation import Compression, Federation, Model
from fedhca.engines.client_host import ClientHost
from fedhca.engines.network_runtime import NetworkRuntime
from fedhca.errors import LayoutError, RecipeError, RunFolderError
from fedhca.experiment import build, journal
from fedhca.experiment.check import check_recipe
from fedhca.experiment.checkpoint import load_checkpoint
from fedhca.experiment.drive import drive
from fedhca.methods import make_method
from fedhca.server.state import Round
from tiny import RECIPE, WIDTH, encoder, equal, participant, same_bits, same_parameters

TRAINING = Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1)
SETTING = Federation(rounds=3, evaluate_every=1, training=TRAINING, model=Model(width=WIDTH))
NAMES = ("a", "b", "c", "d", "e")


class Fine(nn.Module):
    """One map, of half the stride of the others' first."""

    channels = (5,)

    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Conv2d(3, 5, kernel_size=2, stride=2)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.only(image).relu()]


class Short(nn.Module):
    """A decoder of one layer, which looks at the largest map alone."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.only = nn.Conv2d(channels[0], width, kernel_size=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return self.only(maps[0])


def fine() -> Fine:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return Fine()


def people() -> list[Participant]:
    """Two with the common model; one of another width; two of another backbone, one of them with its own decoder."""
    other = fine()
    return [
        participant("a", "depth", "semseg"),
        participant("b", "depth"),
        replace(participant("c", "edge"), width=12),
        replace(participant("d", "edge"), encoder=other),
        replace(participant("e", "depth"), encoder=other, decoder=Short),
    ]


def federation(who: Sequence[Participant] | None = None, method: str = "fedhca2", **options: Any) -> Iterator[Round]:
    fields = {"rounds": 3, "evaluate_every": 1, "training": TRAINING, "model": {"width": WIDTH}}
    return fedhca.run(who or people(), encoder(), method, **{**fields, **options})


def same(one: Round, other: Round, names: Sequence[str] = NAMES) -> bool:
    mine, theirs = one.state.parameters, other.state.parameters
    return all(
        same_parameters(mine[name], theirs[name])
        and (one.losses[name], one.metrics[name]) == (other.losses[name], other.metrics[name])
        for name in names
    )


def same_memories(one: Round, other: Round) -> bool:
    return all(itertools.starmap(same_bits, zip(one.state.memories, other.state.memories, strict=True)))


LINES = (
    "Encoders are of 2 architectures, each mixed within its own: a, b, c; d, e (parameter 0 is `only.weight` of shape "
    "[5, 3, 2, 2] instead of `first.weight` of shape [4, 3, 4, 4]).",
    "Decoders are of 4 architectures, each mixed within its own: a, b; c, who hears nobody else (parameter 0 is "
    "`linears.0.weight` of shape [12, 4] instead of `linears.0.weight` of shape [8, 4]); d, who hears nobody else "
    "(parameter 0 is `linears.0.weight` of shape [8, 5] instead of `linears.0.weight` of shape [8, 4]); e, who hears "
    "nobody else (parameter 0 is `only.weight` of shape [8, 5, 1, 1] instead of `linears.0.weight` of shape [8, 4]).",
)


def test_a_run_says_at_once_who_is_not_mixed_with_whom(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="architectures") as told:
        first = next(federation(out=tmp_path))
    assert [str(each.message) for each in told if "architectures" in str(each.message)] == [*LINES]
    (line,) = journal.read_lines(tmp_path / "journal.jsonl")
    assert [each["clients"] for each in line["families"]["encoder"]] == [["a", "b", "c"], ["d", "e"]]
    with pytest.raises(LayoutError, match=r"All encoders should be of one architecture to be read together. Found 2"):
        _ = first.state.encoders
    assert {name: each.encoder.numel() for name, each in first.state.parameters.items()}["e"] == 65


@pytest.mark.parametrize("method", ["fedhca2", "ditto"])
def test_each_architecture_trains_and_is_mixed_as_if_there_were_no_other(method: str) -> None:
    together = list(federation(method=method))
    for names in ("abc", "de"):
        who = [each for each in people() if each.name in names]
        alone = list(federation(who, method))
        assert all(same(one, other, names) for one, other in zip(together, alone, strict=True))
    moved = [equal(together[0].state.parameters[n].encoder, together[2].state.parameters[n].encoder) for n in NAMES]
    assert not any(moved)


def test_an_interrupted_run_of_several_architectures_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole = list(federation(out=tmp_path / "whole"))
    list(itertools.islice(federation(out=tmp_path / "broken"), 2))
    (tmp_path / "broken" / "server" / "after-000002.safetensors").write_bytes(b"cut short")
    rest = list(federation(out=tmp_path / "broken"))
    assert [each.number for each in rest] == [2, 3]
    assert all(same(one, other) and same_memories(one, other) for one, other in zip(whole[1:], rest, strict=True))
    saved = [load_checkpoint(tmp_path / name / "server") for name in ("whole", "broken")]
    for found in saved:
        assert found is not None
        assert found.state.roster == whole[-1].state.roster
        assert all(itertools.starmap(equal, zip(found.state.rows, whole[-1].state.rows, strict=True)))


def test_on_disk_it_is_the_same_run(tmp_path: Path) -> None:
    for one, other in zip(federation(), federation(out=tmp_path, states="disk"), strict=True):
        assert same(one, other)
        assert same_memories(one, other)


@pytest.mark.parametrize("form", ["float32", "int8"])
def test_between_sites_it_is_the_same_run(form: Any) -> None:
    sent, who = Compression(down=form, up=form), people()
    setting = SETTING.model_copy(update={"sent": sent, "clients": tuple(each.client for each in who)})
    clients = Clients(setting, encoder=encoder())
    site = ClientHost({each.name: lambda each=each: clients.make(each) for each in who})  # type: ignore[misc]
    post = NetworkRuntime(
        lambda wires: ((name, site.answer(name, wires[name])) for name in reversed(list(wires))), NAMES
    )
    far = drive(make_method("fedhca2"), post, setting)
    for one, other in zip(federation(who, sent=sent), far, strict=True):
        assert same(one, other)


def test_clients_of_one_architecture_take_turns_in_one_module() -> None:
    other, clients = fine(), Clients(SETTING, encoder=encoder())
    who = [
        participant("a", "depth"),
        participant("b", "depth"),
        replace(participant("c", "depth"), width=WIDTH),
        replace(participant("d", "depth"), encoder=other),
        replace(participant("e", "depth"), encoder=other),
        replace(participant("f", "depth"), decoder=Short),
        replace(participant("g", "depth"), width=12),
    ]
    shared = [clients.make(each).state.shared for each in who]
    known = [trainer for *_, trainer in clients.trainers]
    assert [known.index(each) for each in shared] == [0, 0, 0, 1, 1, 2, 3]


def test_a_decoder_for_all_is_one_family() -> None:
    (*_, last) = federation(people()[:2], decoder=Short)
    assert last.state.decoders.shape == (3, WIDTH * 4 + WIDTH)


def test_without_an_encoder_for_all_everybody_brings_one() -> None:
    with pytest.raises(RecipeError, match=r"Client 'a' should have an encoder. Found none: give one to it, or to"):
        fedhca.run(people(), training=TRAINING)
    assert len(list(fedhca.run(people()[3:], method="fedavg", training=TRAINING, rounds=2))) == 2


def test_what_is_no_decoder_is_one_line_that_names_the_client() -> None:
    who = [people()[0], replace(participant("z", "depth"), decoder=lambda channels, width: nn.Identity())]
    with pytest.raises(RecipeError, match=r"^Client 'z': Identity should return one map \[2, 8, y, x\]"):
        federation(who)


OWN = (
    "clients.1.model={backbone: resnet, config: {embedding_size: 8, hidden_sizes: [8, 8, 8, 8], depths: [1, 1, 1, 1]}}",
    "clients.2.model={width: 12}",
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder.create(tmp_path_factory.mktemp("mixed") / "run", load_recipe(RECIPE, OWN))
    list(fedhca.run(folder.recipe, out=folder.path))
    return RunFolder.open(folder.path)


def test_a_recipe_gives_clients_models_of_their_own(mixed: RunFolder) -> None:
    families = mixed.journal[0]["families"]
    assert [each["clients"] for each in families["encoder"]] == [["rooms-all", "figures-semseg"], ["figures-sal"]]
    assert [each["clients"] for each in families["decoder"]] == [["rooms-all"], ["figures-sal"], ["figures-semseg"]]
    assert mixed.evaluate() == (2, mixed.journal[-1]["metrics"]) or same_metrics(mixed)
    for client in mixed.recipe.roster:
        model = mixed.predictor(client.name).model
        assert (model.encoder_layout, model.decoder_layout) == mixed.roster.layouts_of(client.name)
    assert mixed.whole


def same_metrics(folder: RunFolder) -> bool:
    """The journal holds nine digits."""
    _, found = folder.evaluate()
    return all(
        value == pytest.approx(found[client][task], rel=1e-8)
        for client, tasks in folder.journal[-1]["metrics"].items()
        for task, value in tasks.items()
    )


def test_a_model_of_ones_own_changes_what_it_names_and_another_backbone_has_its_own_settings() -> None:
    recipe = load_recipe(RECIPE, OWN)
    common, resnet, wide = (recipe.model_of(client) for client in recipe.roster)
    assert common == recipe.model
    assert (resnet.backbone, resnet.pretrained, resnet.width) == ("resnet", False, WIDTH)
    assert "embed_dim" not in resnet.config
    assert wide == recipe.model.model_copy(update={"width": 12})
    assert same_bits(
        build.build_model(recipe, "rooms-all").encoder.state_dict(), build.build_encoder(recipe).state_dict()
    )


def test_a_folder_whose_recipe_names_another_model_for_one_client_is_refused(mixed: RunFolder) -> None:
    changed = RunFolder(mixed.path, load_recipe(RECIPE, (OWN[0], "clients.2.model={width: 16}")))
    assert changed.predictor("rooms-all").client == "rooms-all"
    with pytest.raises(RunFolderError, match=r"the decoder of 'figures-semseg' is another: here parameter 0 is"):
        changed.predictor("figures-semseg")
    with pytest.raises(RunFolderError, match=r"holds a run of other data or another model"):
        changed.evaluate()


def test_check_says_who_is_not_mixed_with_whom() -> None:
    found = check_recipe(load_recipe(RECIPE, OWN))
    assert [line.partition(" (")[0] for line in found.families] == [
        "Encoders are of 2 architectures, each mixed within its own: rooms-all, figures-semseg; figures-sal, "
        "who hears nobody else",
        "Decoders are of 3 architectures, each mixed within its own: rooms-all, who hears nobody else; figures-sal, "
        "who hears nobody else",
    ]
    assert check_recipe(load_recipe(RECIPE)).families == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("clients.1.model={width: 2}", "clients.1.model.width"),
        ("clients.1.model={depth: 2}", "clients.1.model.depth"),
        ("clients.1.model=[1]", "clients.1.model"),
        ("clients.1.model={config: [1]}", "clients.1.model.config"),
        ("clients.1.model={pretrained: maybe}", "clients.1.model.pretrained"),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_its_field(change: str, line: str) -> None:
    with pytest.raises(RecipeError, match=line):
        load_recipe(RECIPE, [change])


def test_a_backbone_that_is_not_there_is_one_line() -> None:
    with pytest.raises(RecipeError, match=r"Unknown backbone 'swim': did you mean 'swin'\?"):
        check_recipe(load_recipe(RECIPE, ["clients.1.model={backbone: swim}"]))
