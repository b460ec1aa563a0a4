import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fedhca.errors import RecipeError
from fedhca.experiment.build import build_method
from fedhca.experiment.plan import SCALES, Experiment, embedded_experiments, load_experiment, make_plan
from fedhca.experiment.recipes import embedded, load_recipe, method_section, with_method
from fedhca.experiment.sections.method_section import MethodSection
from fedhca.methods import make_method
from fedhca.report.page import SECTIONS
from fedhca.report.study import AT_REST
from tiny import RECIPE

EXPERIMENTS = sorted(embedded_experiments())
PAPER = ("table1", "table2", "table3", "table4", "table5", "fig4", "fig5", "fig6", "fig7")


def write(folder: Path, **changes: Any) -> Path:
    values: dict[str, Any] = {
        "title": "tiny",
        "settings": {
            "one": {"small": "tiny.yaml"},
            "two": {"small": {"recipe": "tiny.yaml", "changes": ["clients.2.count=2"]}},
        },
        "methods": {"local": "local", "half": "fedhca2+decoder=local"},
    }
    path = folder / "mine.yaml"
    YAML().dump({key: value for key, value in {**values, **changes}.items() if value is not None}, path)
    (folder / "tiny.yaml").write_text(RECIPE.read_text())
    return path


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("fedavg", {}),
        ("fedprox+mu=0.1", {"mu": 0.1}),
        ("fedprox+mu=1e-05", {"mu": 1e-5}),
        ("fedavg+by_examples=true+decoder_scope=same_task", {"by_examples": True, "decoder_scope": "same_task"}),
        ("matfl+groups=3", {"groups": 3}),
    ],
)
def test_a_method_in_one_word_and_back(word: str, options: Mapping[str, Any]) -> None:
    section = method_section(word)
    assert section.name == word.split("+", maxsplit=1)[0]
    assert section.model_extra == options
    assert section.label == word
    assert make_method(section.name, **options).options == options


def test_rules_of_another_method_in_one_word() -> None:
    section = method_section("fedhca2+decoder=local+encoder=fedavg")
    assert (section.decoder, section.encoder) == ("local", "fedavg")
    assert section.label == "fedhca2+encoder=fedavg+decoder=local"
    assert MethodSection.model_validate(section.label) == section


@pytest.mark.parametrize("word", ["fedprox+mu", "fedprox+", "fedprox+=1", "a+b=c/d", "a+b=", "a+b=c d", "a+1=2"])
def test_what_is_no_method_in_one_word(word: str) -> None:
    with pytest.raises(RecipeError) as caught:
        method_section(word)
    line = f"Method '{word}': it should be NAME+OPTION=VALUE, such as fedprox+mu=0.1; found '{word}'."
    assert str(caught.value) == line


def test_a_recipe_takes_a_method_in_one_word() -> None:
    recipe = load_recipe(RECIPE, ["method=fedprox+mu=0.5"])
    assert build_method(recipe).local.pull == 0.5
    assert with_method(recipe, "fedprox", 0).method.label == "fedprox+mu=0.5"  # its own bare name keeps its options
    assert with_method(recipe, "fedprox+mu=1", 0).method.label == "fedprox+mu=1"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_embedded_experiment_can_be_laid_out_at_every_scale(name: str, tmp_path: Path) -> None:
    experiment = load_experiment(name)
    for scale in SCALES:
        plan = make_plan(name, scale, [0, 1], tmp_path / scale)
        expected = 2 * len(experiment.methods) * len(experiment.at(scale))
        assert len(plan.runs) == expected
        assert len({(entry.setting, entry.method, entry.seed) for entry in plan.runs}) == expected
        assert not any(entry.finished for entry in plan.runs)
        assert not (tmp_path / scale).exists()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_experiments_name_is_there(name: str) -> None:
    experiment = load_experiment(name)
    assert set(experiment.shows) <= SECTIONS.keys()
    assert {each.recipe for scales in experiment.settings.values() for each in scales.values()} <= embedded().keys()


def test_every_table_and_figure_of_the_paper_has_its_experiment() -> None:
    assert set(PAPER) <= set(EXPERIMENTS)


def test_beside_more_clients_of_a_kind_stands_what_their_groups_give_alone() -> None:
    words = load_experiment("fig5").methods
    assert AT_REST in words.values()
    assert "fedhca2+groups=off" in words.values()


def test_one_mended_quirk_after_the_other_leads_from_the_released_code_to_the_default() -> None:
    steps = [method_section(word) for word in load_experiment("quirks").methods.values()][2:]
    left = [set(step.model_extra or {}) for step in steps]
    assert all(len(before - after) == 1 and after < before for before, after in itertools.pairwise(left))
    assert left[-1] == set()
    released = make_method("fedhca2", solver="official", **(steps[0].model_extra or {})).options
    quirks = {"solver": "official", "groups": "adjacent", "logits": "raw", "hyper_gradient": "raw", "bounds": "clamp"}
    assert released == quirks


def test_runs_lie_by_federation_method_and_seed_so_that_experiments_share_them(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "small", [3], tmp_path / "out")
    found = {(entry.setting, entry.method): entry for entry in plan.runs}
    runs = {key: run.path.relative_to(tmp_path / "out").as_posix() for key, run in found.items()}
    assert runs == {
        ("one", "local"): "tiny/local/seed-3",
        ("one", "half"): "tiny/fedhca2+decoder=local/seed-3",
        ("two", "local"): "tiny+clients.2.count=2/local/seed-3",
        ("two", "half"): "tiny+clients.2.count=2/fedhca2+decoder=local/seed-3",
    }
    assert {run.recipe.seed for run in found.values()} == {3}
    assert len(found["two", "half"].recipe.roster) == 4
    assert (plan.name, plan.experiment.reference) == ("mine", "local")
    assert [folder.path for folder in plan.left] == [run.path for run in plan.runs]


def test_a_subset_of_methods_keeps_the_reference(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "small", [0], tmp_path / "out", methods=["half"], changes=["rounds=1"])
    assert {entry.method for entry in plan.runs} == {"local", "half"}
    assert {entry.recipe.rounds for entry in plan.runs} == {1}


def test_one_setting_needs_no_name(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path, settings={"one": {"small": "tiny.yaml"}}), "small", [0], tmp_path / "out")
    assert {entry.setting for entry in plan.runs} == {""}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"title": None}, "`title` is missing. Add it."),
        ({"titel": "x"}, "unknown key `titel`: did you mean `title`?"),
        ({"shows": ["tabel"]}, "`shows.0` should be one of 'table', "),
        ({"reference": "alone"}, "`reference` should be one of local, half; found 'alone'."),
        (
            {"methods": ["local", {"fedavg": []}]},
            "`methods`: in a list each should be one word, such as fedavg; found {",
        ),
        ({"settings": {}}, "`settings` should be a section of keys and values, at least 1 long"),
        ({"settings": {"one": {"tiny": "demo"}}}, "`settings.one.tiny` should be one of 'small', "),
    ],
)
def test_a_wrong_experiment_is_one_line(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(RecipeError) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(f"Experiment '{path}': {line}")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"scale": "full"}, "'tiny' is not there at scale 'full'. Found: small."),
        ({"seeds": []}, "Each seed should be named once. Found none."),
        ({"seeds": [1, 1]}, "Each seed should be named once. Found 1, 1."),
        ({"methods": ["hlaf"]}, "Unknown method of this experiment 'hlaf': did you mean 'half'? Known: "),
    ],
)
def test_what_cannot_be_laid_out_is_one_line(tmp_path: Path, options: dict[str, Any], line: str) -> None:
    settings: dict[str, Any] = {"scale": "small", "seeds": [0], **options}
    with pytest.raises(RecipeError) as caught:
        make_plan(write(tmp_path), settings.pop("scale"), settings.pop("seeds"), tmp_path / "out", **settings)
    assert str(caught.value).startswith(line)
    assert not (tmp_path / "out").exists()


def test_a_method_that_does_not_exist_is_found_before_any_folder_is_made(tmp_path: Path) -> None:
    path = write(tmp_path, methods={"local": "local", "x": "fedprox+mue=1"})
    with pytest.raises(RecipeError, match="Unknown option of fedprox 'mue': did you mean 'mu'"):
        make_plan(path, "small", [0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_name_of_an_unknown_experiment_brings_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Unknown experiment 'tabel1': did you mean 'table1'"):
        load_experiment("tabel1")


def test_methods_may_be_a_list(tmp_path: Path) -> None:
    found = load_experiment(write(tmp_path, methods=["local", "fedprox+mu=1"]))
    assert isinstance(found, Experiment)
    assert found.methods == {"local": "local", "fedprox+mu=1": "fedprox+mu=1"}
