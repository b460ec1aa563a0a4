import json
import math
import shutil
import warnings
from pathlib import Path

import pytest
import torch

import fedhca
from fedhca.errors import RecipeError, RunFolderError
from fedhca.experiment import build
from fedhca.experiment.compare import Entry, entries
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe, load_recipe, to_yaml
from fedhca.experiment.run_folder import RunFolder
from fedhca.storage.tensor_file import load_tensors, save_tensors
from tiny import RECIPE


def recipe(*changes: str) -> Recipe:
    return load_recipe(RECIPE, changes)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_folder_holds_everything_about_the_run(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "recipe.yaml",
        ".lock",
        "environment.json",
        "journal.jsonl",
        "server",
        "clients",
    }
    assert {path.name for path in (finished / "clients").iterdir()} == {"rooms-all", "figures-sal", "figures-semseg"}
    record = json.loads((finished / "environment.json").read_text())
    assert {"started", "python", "threads", "packages"} <= record.keys()
    assert {"torch", "transformers", "fedhca"} <= record["packages"].keys()
    folder = RunFolder.open(finished)
    assert folder.finished
    assert [line["round"] for line in folder.journal] == [1, 2]


def test_the_same_recipe_takes_the_folder_up_again(finished: Path) -> None:
    assert RunFolder.create(finished, recipe()).finished


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("rounds=3", "`rounds` is 2 there and 3 here"),
        ("training.learning_rate=0.5", "`training.learning_rate` is 0.001 there and 0.5 here"),
        ("method.c=0.2", "`method.c`"),
        ("method=local", "`method.name` is 'fedhca2' there and 'local' here"),
        ("model.config.embed_dim=16", "`model.config.embed_dim`"),
        ("datasets.rooms.augmentation.flip=false", "`datasets.rooms.augmentation.flip`"),
    ],
)
def test_a_folder_with_rounds_of_another_recipe_is_refused_and_the_field_named(
    finished: Path, change: str, words: str
) -> None:
    with pytest.raises(RunFolderError) as caught:
        RunFolder.create(finished, recipe(change))
    assert words in str(caught.value)
    assert "--out" in str(caught.value)


def without_key(folder: Path) -> Path:
    """Make the recipe of a run one of before normals on `unknown` were left out."""
    values = load_recipe(folder / "recipe.yaml")
    plain = dump_recipe(values)
    del plain["datasets"]["pascal"]["legacy_normals"]
    (folder / "recipe.yaml").write_text(to_yaml(plain))
    (folder / "journal.jsonl").write_text('{"round": 1}\n')
    return folder


def test_a_run_begun_with_normals_on_unknown_goes_on_with_them(tmp_path: Path) -> None:
    old, new = load_recipe("pascal-st-nyud-mt"), tmp_path / "new"
    RunFolder.create(new, old)
    folder = without_key(RunFolder.create(tmp_path / "old", old).path)
    for taken in (lambda: RunFolder.open(folder), lambda: RunFolder.create(folder, old)):
        with pytest.warns(UserWarning, match=r"'unknown'|`unknown`.*`legacy_normals`"):
            assert taken().recipe.datasets["pascal"].legacy_normals  # type: ignore[union-attr]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not RunFolder.open(new).recipe.datasets["pascal"].legacy_normals  # type: ignore[union-attr]
    said = load_recipe("pascal-st-nyud-mt", ["datasets.pascal.legacy_normals=false"])
    with pytest.warns(UserWarning, match="legacy_normals"), pytest.raises(RunFolderError, match="legacy_normals"):
        RunFolder.create(folder, said)


def test_a_run_without_normals_began_as_it_would_now(tmp_path: Path) -> None:
    folder = without_key(RunFolder.create(tmp_path, load_recipe("small-pascal-st-nyud-mt")).path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not RunFolder.open(folder).recipe.datasets["pascal"].legacy_normals  # type: ignore[union-attr]


def test_a_recipe_that_came_to_no_round_can_be_mended_in_its_folder(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, recipe("clients.0.tasks=[nothing]"))
    assert not RunFolder.open(tmp_path).finished
    RunFolder.create(tmp_path, recipe())
    assert RunFolder.open(tmp_path).recipe == recipe()


def test_nothing_is_written_for_a_method_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="fedavgg"):
        RunFolder.create(tmp_path / "run", recipe("method=fedavgg"))
    assert not (tmp_path / "run").exists()


def test_evaluating_again_gives_the_metrics_of_the_last_round(finished: Path) -> None:
    folder = RunFolder.open(finished)
    rounds, metrics = folder.evaluate()
    assert rounds == 2
    assert json.loads(json.dumps(metrics)).keys() == folder.journal[-1]["metrics"].keys()
    for client, tasks in folder.journal[-1]["metrics"].items():
        assert metrics[client] == pytest.approx(tasks)


def test_evaluating_changes_nothing_on_disk(copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    RunFolder.open(copied).evaluate()
    assert before == {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}


def test_a_model_comes_back_as_it_was_handed_out_and_its_data_need_not_be_there(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.open(finished)
    tensors, _ = load_tensors(sorted((finished / "server").iterdir())[-1])
    monkeypatch.setattr(build, "build_participants", None)  # to call it would be an error
    for row, name in enumerate(folder.tasks()):
        found = folder.predictor(name)
        assert not found.model.training
        assert torch.equal(found.model.collect().encoder, tensors["encoders"][row])
        own, _ = load_tensors(sorted((finished / "clients" / name).iterdir())[-1])
        heads = {
            key.removeprefix("parameter/"): value for key, value in own.items() if key.startswith("parameter/heads.")
        }
        assert heads
        assert all(torch.equal(found.model.get_parameter(key), value) for key, value in heads.items())
    with pytest.raises(RecipeError, match=r"rooms-all, figures-sal.*'nobody'"):
        folder.predictor("nobody")


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="checkpoint"):
        RunFolder.create(tmp_path, recipe()).evaluate()
    with pytest.raises(RunFolderError, match="recipe"):
        RunFolder.open(tmp_path / "none")


def test_an_interrupted_folder_is_not_finished(copied: Path) -> None:
    (copied / "server" / "after-000002.safetensors").unlink()
    assert not RunFolder.open(copied).finished
    assert RunFolder.open(copied).evaluate()[0] == 1


# Comparisons


def test_a_comparison_has_one_folder_per_method_and_seed(tmp_path: Path) -> None:
    found = list(entries(recipe("method.c=0.2"), ["local", "fedhca2"], [0, 3], tmp_path))
    assert [(each.method, each.seed) for each in found] == [("local", 0), ("fedhca2", 0), ("local", 3), ("fedhca2", 3)]
    assert [each.folder.path for each in found][1] == tmp_path / "fedhca2" / "seed-0"
    options = {each.method: each.folder.recipe.method.model_extra for each in found}
    assert options == {"local": {}, "fedhca2": {"c": 0.2}}
    assert not any(each.folder.finished for each in found)


def test_finished_runs_are_reused(copied: Path, tmp_path: Path) -> None:
    place = tmp_path / "fedhca2" / "seed-0"
    place.parent.mkdir()
    copied.rename(place)
    (entry,) = entries(recipe(), ["fedhca2"], [0], tmp_path)
    assert entry.folder.finished
    assert entry.metrics.keys() == {"rooms-all", "figures-sal", "figures-semseg"}


def test_a_run_of_another_recipe_in_the_comparison_is_refused(copied: Path, tmp_path: Path) -> None:
    place = tmp_path / "fedhca2" / "seed-0"
    place.parent.mkdir()
    copied.rename(place)
    with pytest.raises(RunFolderError, match=r"`training\.batch_size` is 4 there and 2 here"):
        list(entries(recipe("training.batch_size=2"), ["fedhca2"], [0], tmp_path))


@pytest.mark.parametrize(
    ("methods", "seeds", "words"),
    [
        ([], [0], "method should be named once. Found none"),
        (["local"], [], "seed should be named once. Found none"),
        (["local", "local"], [0], "Found local, local"),
        (["local"], [1, 1], "Found 1, 1"),
        (["local", "fedavgg"], [0], "did you mean 'fedavg'?"),
    ],
)
def test_a_comparison_is_checked_before_anything_is_written(
    tmp_path: Path, methods: list[str], seeds: list[int], words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        entries(recipe(), methods, seeds, tmp_path)
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_unfinished_run_has_no_metrics(copied: Path) -> None:
    journal = copied / "journal.jsonl"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    with pytest.raises(RunFolderError, match=r"unfinished.*Resume"):
        _ = Entry("fedhca2", 0, RunFolder.open(copied)).metrics


def test_what_could_not_be_measured_is_nan(copied: Path) -> None:
    journal = copied / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[-1]["metrics"]["figures-sal"]["sal"] = None
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    value = Entry("fedhca2", 0, RunFolder.open(copied)).metrics["figures-sal"]["sal"]
    assert math.isnan(value)


def test_who_took_part_is_read_without_the_parameters(copied: Path) -> None:
    folder, newest = RunFolder.open(copied), copied / "server" / "after-000002.safetensors"
    tensors, facts = load_tensors(newest)
    save_tensors(newest, {}, facts)
    assert folder.roster.names == tuple(client.name for client in folder.recipe.roster)
    with pytest.warns(UserWarning, match="Found one without 'encoders'.* after 1 rounds is taken instead"):
        assert folder.evaluate()[0] == 1
    save_tensors(newest, tensors, {**facts, "owner": "rooms-all"})
    (copied / "server" / "after-000001.safetensors").unlink()
    with pytest.raises(RunFolderError, match=r"the state of 'server' after 2 rounds\. Found that of 'rooms-all'"):
        folder.roster  # noqa: B018  the access is what is tested


def test_a_recipe_runs_in_a_line_of_python_with_some_keys_set_otherwise(tmp_path: Path) -> None:
    (first,) = fedhca.run(str(RECIPE), method="fedavg", rounds=1, training={"batch_size": 2}, out=tmp_path)
    kept = RunFolder.open(tmp_path)
    assert (kept.recipe.method.name, kept.recipe.rounds, kept.recipe.training.batch_size) == ("fedavg", 1, 2)
    assert kept.recipe.training.learning_rate == recipe().training.learning_rate
    assert kept.finished
    assert torch.equal(first.state.encoders[0], first.state.encoders[1])
    with pytest.raises(RecipeError, match="should name its own encoder"):
        fedhca.run(RECIPE, torch.nn.Identity())
    with pytest.raises(RecipeError, match="unknown key `runds`: did you mean `rounds`"):
        fedhca.run(RECIPE, runds=2)
