import json
from pathlib import Path
from typing import Any

import pytest

from fedhca.config.federation import Privacy
from fedhca.errors import RecipeError
from fedhca.experiment.build import build_method
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe, embedded, load_recipe, to_yaml, validate, with_method
from fedhca.experiment.sections.data_section import FolderData
from tiny import RECIPE

SMALL: dict[str, Any] = {
    "rounds": 2,
    "datasets": {"rooms": {"kind": "rooms"}, "voc": {"kind": "pascal_context", "root": "/data"}},
    "clients": [
        {"name": "a", "dataset": "rooms", "tasks": ["depth", "edge"]},
        {"name": "b", "dataset": "voc", "tasks": ["sal"]},
    ],
}


def changed(*changes: str) -> Recipe:
    return load_recipe(RECIPE, changes)


def line(act: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ("rounds=20", "rounds", 20),
        ("method=fedavg", "method.name", "fedavg"),
        ("method.c=0.2", "method.model_extra", {"c": 0.2}),
        ("method.decoder=local", "method.decoder", "local"),
        ("training.learning_rate=1e-3", "training.learning_rate", 1e-3),
        ("training.learning_rate=1.25e-7", "training.learning_rate", 1.25e-7),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("training.clip_norm=null", "training.clip_norm", None),
        ("clients.1.tasks=[edge, sal]", "clients.1.tasks", ("edge", "sal")),
        ("clients.1.tasks.0=edge", "clients.1.tasks.0", "edge"),
        ("clients.2.count=3", "clients.2.count", 3),
        ("datasets.rooms.size=[16, 32]", "datasets.rooms.size", (16, 32)),
        ("datasets.rooms.augmentation.flip=false", "datasets.rooms.augmentation.flip", False),
        ("model.config.depths=[2, 1, 1, 1]", "model.config.depths", [2, 1, 1, 1]),
        ("weights.depth=0.5", "weights.depth", 0.5),
        ("description=a=b", "description", "a=b"),
    ],
)
def test_changes(change: str, field: str, value: Any) -> None:
    place: Any = changed(change)
    for part in field.split("."):
        place = place[int(part)] if part.isdigit() else place[part] if isinstance(place, dict) else getattr(place, part)
    assert place == value
    assert type(place) is type(value)


def test_later_changes_win_and_options_may_follow_the_method() -> None:
    assert changed("rounds=1", "rounds=2").rounds == 2
    recipe = changed("method=fedavg", "method.by_examples=true")
    assert (recipe.method.name, recipe.method.model_extra) == ("fedavg", {"by_examples": True})


def test_options_of_the_method_need_no_name_where_the_default_is_meant() -> None:
    assert validate(SMALL | {"method": {"c": 0.2}}, "x").method.name == "fedhca2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("rounds", ["KEY=VALUE", "'rounds'"]),
        ("=3", ["KEY=VALUE"]),
        ("rounds=[", ["'rounds=['", "YAML"]),
        ("rounds.x=3", ["`rounds` holds 2"]),
        ("clients.7.name=x", ["0 to 2", "'7'"]),
        ("clients.x=3", ["0 to 2", "'x'"]),
        ("clients.-1.name=x", ["0 to 2", "'-1'"]),
    ],
)
def test_changes_that_cannot_be_made(change: str, words: list[str]) -> None:
    found = line(lambda: changed(change))
    for word in words:
        assert word in found, found


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("round", 3, ["`round`", "did you mean `rounds`?"]),
        ("xyz", 3, ["`xyz`", "known here:", "checkpoint_every"]),
        ("training.learning_rte", 3, ["`training.learning_rte`", "`learning_rate`"]),
        ("model.widht", 3, ["`model.widht`", "`width`"]),
        ("datasets.rooms.trian", 3, ["`datasets.rooms.trian`", "`train`"]),
        ("datasets.voc.clases", 3, ["`datasets.voc.clases`", "`classes`"]),
        ("datasets.rooms.root", "/x", ["`datasets.rooms.root`", "known here"]),
        ("datasets.rooms.augmentation.flp", True, ["`datasets.rooms.augmentation.flp`", "`flip`"]),
        ("clients.0.task", ["x"], ["`clients.0.task`", "`tasks`"]),
        ("rounds", "many", ["`rounds`", "whole number", "'many'"]),
        ("rounds", 0, ["`rounds`", "at least 1", "Found 0"]),
        ("rounds", 1.5, ["`rounds`", "1.5"]),
        ("seed", -1, ["`seed`", "-1"]),
        ("model.width", 3, ["`model.width`", "3"]),
        ("evaluate_every", 0, ["`evaluate_every`"]),
        ("training.learning_rate", 0, ["`training.learning_rate`", "above 0"]),
        ("training.learning_rate", float("nan"), ["`training.learning_rate`"]),
        ("training.learning_rate", float("inf"), ["`training.learning_rate`"]),
        ("training.precision", "half", ["`training.precision`", "'half'"]),
        ("device", "tpu", ["`device`", "'cuda'", "'tpu'"]),
        ("training", [1], ["`training`", "[1]"]),
        ("datasets.rooms.kind", "room", ["`datasets.rooms.kind`", "'room'", "'rooms'"]),
        ("datasets.rooms.kind", None, ["`datasets.rooms.kind`", "rooms"]),
        ("datasets.rooms.size", 32, ["`datasets.rooms.size`", "32"]),
        ("datasets.rooms.size", [32], ["`datasets.rooms.size"]),
        ("datasets.rooms.size", [32, 0], ["`datasets.rooms.size.1`", "at least 1"]),
        ("datasets.rooms.augmentation.scale", [2.0, 0.5], ["`datasets.rooms.augmentation", "scale"]),
        ("datasets", {}, ["data set 'rooms'", "not in `datasets`"]),
        ("datasets", [], ["`datasets`"]),
        ("clients", [], ["`clients`", "at least 1"]),
        ("clients.0.tasks", [], ["`clients.0.tasks`", "at least 1"]),
        ("clients.0.tasks", ["depth", "depth"], ["`clients.0`", "`depth` twice"]),
        ("clients.0.tasks", "depth", ["`clients.0.tasks`", "'depth'"]),
        ("clients.0.name", "b", ["two clients 'b'", "rename"]),
        ("clients.0.name", "../b", ["`clients.0.name`", "'../b'"]),
        ("clients.0.name", 3, ["`clients.0.name`", 'such as "3"']),
        ("clients.0.name", "x" * 200, ["`clients.0.name`"]),
        ("clients.0.count", 0, ["`clients.0.count`"]),
        ("clients.0.dataset", "room", ["client 'a'", "data set 'room'", "rooms, voc"]),
        ("weights", {"depth": -1}, ["`weights.depth`", "-1"]),
        ("privacy", {"clip": 1.0}, ["`privacy.noise` is missing"]),
        ("privacy", {"clip": 0, "noise": 1}, ["`privacy.clip`", "above 0"]),
        ("privacy", {"clip": 1, "noise": -1}, ["`privacy.noise`", "-1"]),
        ("privacy", {"clip": 1, "noise": 1, "delta": 1}, ["`privacy.delta`", "below 1"]),
        ("privacy", {"clip": 1, "noise": 1, "delt": 1}, ["`privacy.delt`", "`delta`"]),
        ("method", 3, ["`method`"]),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(path: str, value: Any, words: list[str]) -> None:
    values = json.loads(json.dumps(SMALL))
    *outer, last = path.split(".")
    place = values
    for part in outer:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[last] = value
    found = line(lambda: validate(values, "my.yaml"))
    assert "'my.yaml'" in found
    for word in words:
        assert word in found, found


@pytest.mark.parametrize("path", ["datasets", "clients", "clients.0.name", "clients.0.tasks", "datasets.voc.root"])
def test_what_is_missing_is_named(path: str) -> None:
    values = json.loads(json.dumps(SMALL))
    *outer, last = path.split(".")
    place = values
    for part in outer:
        place = place[int(part)] if part.isdigit() else place[part]
    del place[last]
    assert f"`{path}` is missing" in line(lambda: validate(values, "my.yaml"))


def test_two_clients_of_one_name_by_count() -> None:
    clients = [{"name": "a", "dataset": "rooms", "tasks": ["depth"], "count": 2},
               {"name": "a-2", "dataset": "rooms", "tasks": ["edge"]}]  # fmt: skip
    assert "two clients 'a-2'" in line(lambda: validate(SMALL | {"clients": clients}, "x"))


def test_count_makes_numbered_clients() -> None:
    recipe = changed("clients.1.count=2", "clients.0.count=1")
    assert [client.name for client in recipe.roster] == [
        "rooms-all",
        "figures-sal-1",
        "figures-sal-2",
        "figures-semseg",
    ]
    assert {client.count for client in recipe.roster} == {1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["mapping", "nothing"]),
        ("# only a comment\n", ["mapping", "nothing"]),
        ("- a\n- b\n", ["mapping", "'list'"]),
        ("just words", ["mapping", "'str'"]),
        ("rounds: 1\nrounds: 2\n", ["line 2", "duplicate key", "rounds"]),
        ("training:\n  batch_size: 1\n  batch_size: 2\n", ["line 3", "duplicate key"]),
        ("rounds: [1\n", ["line", "YAML"]),
        ("a: b: c\n", ["line 1", "YAML"]),
        ("rounds: !!python/object:os.system x\n", ["recipe"]),
        (b"\xff\xfe\x00rounds", ["UTF-8"]),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = line(lambda: load_recipe(path))
    for word in [str(path), *words]:
        assert word in found, found


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    assert "did you mean 'demo'?" in line(lambda: load_recipe("demoo"))
    assert "is not there" in line(lambda: load_recipe(tmp_path / "none.yaml"))
    assert "irectory" in line(lambda: load_recipe(tmp_path / "folder.yaml"))
    assert "Unknown recipe" in line(lambda: load_recipe(tmp_path))


@pytest.mark.parametrize("name", embedded())
def test_every_embedded_recipe_loads_and_its_method_builds(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.description
    assert build_method(recipe).name == recipe.method.name


@pytest.mark.parametrize(
    "changes",
    [(), ("training.learning_rate=1.25e-7",), ("method.c=1e-5", "seed=3"), ("privacy.clip=2", "privacy.noise=1e-3")],
)
def test_a_resolved_recipe_written_down_is_the_same_recipe(tmp_path: Path, changes: tuple[str, ...]) -> None:
    from fedhca.experiment.run_folder import RunFolder  # noqa: PLC0415

    recipe = changed(*changes)
    assert validate(dump_recipe(recipe), "x") == recipe
    RunFolder.create(tmp_path / "run", recipe)
    assert load_recipe(tmp_path / "run" / "recipe.yaml") == recipe


def test_a_section_that_a_resolved_recipe_leaves_out_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "resolved.yaml").write_text(to_yaml(dump_recipe(changed())))
    recipe = load_recipe(tmp_path / "resolved.yaml", ["privacy.clip=2", "privacy.noise=0.5"])
    assert recipe.privacy == Privacy(clip=2.0, noise=0.5)
    assert changed().privacy is None


def test_another_method_keeps_the_rest() -> None:
    recipe = changed("method.c=0.2")
    other = with_method(recipe, "local", 7)
    assert (other.method.name, other.method.model_extra, other.seed) == ("local", {}, 7)
    assert other.model_copy(update={"method": recipe.method, "seed": recipe.seed}) == recipe
    assert with_method(recipe, "fedhca2", 0) == recipe


@pytest.mark.parametrize("change", ["seed=2001-13-45", "clients.².count=2"])
def test_odd_changes_are_one_line(change: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("demo", [change])
    assert change in str(caught.value)


def test_folders_of_data_are_absolute_and_know_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    recipe = load_recipe("pascal-st-nyud-mt", ["datasets.pascal.root=~/voc", "datasets.nyud.root=here"])
    roots = [data.root for data in recipe.datasets.values() if isinstance(data, FolderData)]
    assert roots == [Path("/somewhere/voc"), Path("here").absolute()]
