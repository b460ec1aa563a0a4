from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folders import nyud, pascal_context

from fedhca.client.clients import device_of
from fedhca.config.federation import Site
from fedhca.errors import RecipeError
from fedhca.experiment import build
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import embedded, load_recipe
from fedhca.experiment.registry import catalogue
from fedhca.experiment.sections.data_section import KINDS
from fedhca.methods import METHODS
from fedhca.tasks.kinds import KINDS as TASK_KINDS
from tiny import RECIPE, same_bits

FOLDERS: dict[str, Callable[..., Path]] = {"nyud": nyud, "pascal_context": pascal_context}


def recipe(*changes: str) -> Recipe:
    return load_recipe(RECIPE, changes)


def shares(*changes: str) -> dict[str, list[str]]:
    """Return the names of each client's training pictures."""
    return {
        each.name: [each.train.identifier(index) for index in range(len(each.train))]  # type: ignore[attr-defined]
        for each in build.build_participants(recipe(*changes))
    }


def test_clients_of_a_data_set_have_equal_disjoint_shares_of_all_of_it() -> None:
    found = shares("clients.1.count=3", "clients.2.count=2", "datasets.figures.train=23")
    figures = [names for client, names in found.items() if client.startswith("figures")]
    assert sorted(map(len, figures)) == [4, 4, 5, 5, 5]
    assert max(Counter(name for names in figures for name in names).values()) == 1
    assert len(found["rooms-all"]) == 8


def test_shares_hang_on_the_seed_and_are_the_same_for_every_method() -> None:
    assert shares() == shares("method=local")
    assert shares() != shares("seed=1")


def test_every_client_is_tested_on_the_whole_test_set_of_its_data_set() -> None:
    names: dict[str, list[str]] = {
        each.name: [each.test.identifier(index) for index in range(len(each.test))]  # type: ignore[attr-defined]
        for each in build.build_participants(recipe())
    }
    assert len(names["figures-sal"]) == 4
    assert names["figures-sal"] == names["figures-semseg"]
    assert not {*names["figures-sal"]} & {*shares()["figures-sal"]}


def test_clients_see_the_labels_of_their_own_tasks_only() -> None:
    for each in build.build_participants(recipe()):
        expected = {"image", *(task.name for task in each.tasks)}
        assert each.train.sample(0, 0).keys() == expected  # type: ignore[attr-defined]
        assert each.test[0].keys() == expected


@pytest.mark.parametrize("kind", FOLDERS)
def test_edges_are_trained_on_the_label_and_tested_on_the_benchmark_s_truth(kind: str, tmp_path: Path) -> None:
    for split in ("train", "val"):
        FOLDERS[kind](tmp_path, ("a1", "a2"), split)
    plan = {"kind": kind, "root": str(tmp_path), "size": [24, 32]}
    data = [f"datasets={{d: {plan | more}}}" for more in ({}, {"ground_truth": "label"}, {"shrink": 0.5})]
    clients = "clients=[{name: a, dataset: d, tasks: [edge]}]"

    def edges(section: str, split: str) -> np.ndarray:
        return build.build_sources(recipe(section, clients), split)["d"].read(0, ["edge"])["edge"]

    train, test = edges(data[0], build.TRAIN), edges(data[0], build.VAL)
    assert not np.array_equal(train, test)
    np.testing.assert_array_equal(edges(data[1], build.VAL), train)  # both lists name the same picture
    np.testing.assert_array_equal(edges(data[2], build.VAL), test.reshape(12, 2, 16, 2).max(axis=(1, 3)))


def test_the_encoder_derives_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = build.build_encoder(recipe()).state_dict()
    torch.manual_seed(2)
    assert same_bits(one, build.build_encoder(recipe()).state_dict())
    assert not same_bits(one, build.build_encoder(recipe("seed=1")).state_dict())


def test_decoders_start_as_the_recipe_says(tmp_path: Path) -> None:
    def hellos(*changes: str) -> list[torch.Tensor]:
        made = recipe(*changes)
        make = build.build_clients(made)
        return [make(each, None).hello().parameters.decoders for each in build.build_participants(made)]

    alike, apart = torch.cat(hellos()), torch.cat(hellos("model.decoders=apart"))
    assert len(alike.unique(dim=0)) == 1
    assert len(apart.unique(dim=0)) == len(apart)
    with pytest.raises(RecipeError, match=r"`model\.decoders`"):
        recipe("model.decoders=other")


def test_the_full_protocol_is_computed_in_float32() -> None:
    full = [load_recipe(name) for name in embedded() if "full protocol" in load_recipe(name).description]
    assert len(full) == 4
    assert {each.training.precision for each in full} == {"float32"}


def test_training_takes_its_epochs_from_the_data_set() -> None:
    made = recipe("datasets.rooms.local_epochs=4", "clients.1.local_epochs=3", "training.clip_norm=2")
    assert [each.local_epochs for each in made.roster] == [4, 3, 1]
    assert [each.local_epochs for each in build.build_participants(made)] == [4, 3, 1]
    assert (made.rounds, made.training.clip_norm, made.training.batch_size) == (2, 2.0, 4)


def test_weights_of_the_recipe_replace_those_of_the_paper() -> None:
    people = {each.name: each for each in build.build_participants(recipe("weights={edge: 3}"))}
    assert {task.name: task.weight for task in people["rooms-all"].tasks} == {
        "semseg": 1.0,
        "depth": 1.0,
        "normals": 10.0,
        "edge": 3.0,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["weights={egde: 3}"], ["'egde'", "did you mean 'edge'?"]),
        (["clients.0.tasks=[sal]"], ["'rooms-all'", "'sal'", "semseg"]),
        (["clients.1.tasks=[semesg]"], ["'figures-sal'", "did you mean 'semseg'?"]),
        (["clients.1.count=12"], ["12 pictures", "13 clients"]),
        (["datasets.rooms.size=[8, 8]"], ["`size`", "(8, 8)"]),
    ],
)
def test_what_cannot_be_built_is_named(changes: list[str], words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        build.build_participants(recipe(*changes))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["method=fedavgg"], ["did you mean 'fedavg'?"]),
        (["method.cc=1"], ["'cc'", "did you mean 'c'?"]),
        (["method.c=1.2"], ["`c`", "1.2"]),
        (["method.c=big"], ["`c`", "'big'"]),
        (["method=local", "method.c=0.2"], ["option of local", "'c'"]),
        (["method.encoder=nope"], ["'nope'"]),
        (["method.solver=fast"], ["`solver`", "'fast'"]),
    ],
)
def test_a_method_that_cannot_be_built_is_named(changes: list[str], words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        build.build_method(recipe(*changes))
    for word in words:
        assert word in str(caught.value)


def test_rules_of_two_methods_can_be_combined() -> None:
    method = build.build_method(recipe("method.decoder=local"))
    assert method.encoder is not None
    assert build.build_method(recipe("method=fedavg", "method.by_examples=true")).name == "fedavg"


def test_the_device_is_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(Site()).type == "cpu"
    with pytest.raises(RecipeError, match=r"`device`.*`device: cpu`"):
        device_of(recipe("device=cuda").site)


def test_the_catalogue_has_a_line_for_everything() -> None:
    found: dict[str, Any] = catalogue()
    assert found["method"].keys() == METHODS.keys()
    assert found["data set"].keys() == KINDS.keys()
    assert found["task"].keys() == TASK_KINDS.keys()
    assert found["recipe"].keys() == embedded().keys()
    for lines in found.values():
        assert all(line.strip() and "\n" not in line for line in lines.values())
