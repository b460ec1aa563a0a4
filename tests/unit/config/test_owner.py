from pathlib import Path

import pytest

from fedhca.config.owner import ELSEWHERE, is_path, redacted, set_by_site, site_fields, with_site_fields
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import load_recipe


def test_places_are_not_shown() -> None:
    recipe = {
        "seed": 0,
        "size": (1, 2),
        "data": {"root": Path("x"), "kind": "nyud"},
        "model": ["/a/model", "swin", "~/b"],
    }
    assert redacted(recipe) == {
        "seed": 0,
        "size": [1, 2],
        "data": {"root": ELSEWHERE, "kind": "nyud"},
        "model": [ELSEWHERE, "swin", ELSEWHERE],
    }


def test_what_each_machine_sets_is_found_wherever_it_stands() -> None:
    values = {
        "device": "cuda",
        "datasets": {"a.b": {"kind": "nyud", "root": "/x"}, "c": {"kind": "pascal_context", "root": ELSEWHERE}},
        "clients": [
            {"name": "one", "dataset": "a.b", "tasks": ["depth"], "model": {"backbone": "/y"}},
            {"name": "two", "dataset": "c", "tasks": ["sal"], "model": {"width": 24}},
        ],
    }
    recipe = Recipe.model_validate(values)
    places = {("datasets", "a.b", "root"), ("datasets", "c", "root"), ("datasets", "c", "cache")}
    names = {("model", "backbone"), ("clients", 0, "model", "backbone"), ("clients", 1, "model", "backbone")}
    assert {key for key, _, _ in site_fields(recipe)} == places | names | {
        ("device",),
        ("states",),
        ("training", "workers"),
    }
    assert set_by_site(recipe) == {
        ("device",): "cuda",
        ("datasets", "a.b", "root"): Path("/x"),
        ("clients", 0, "model", "backbone"): "/y",
    }


def test_what_is_always_a_machine_s_own_is_taken_from_another_recipe_and_nothing_else() -> None:
    one = load_recipe("demo", ["device=cpu", "training.workers=3", "training.batch_size=2"])
    other = load_recipe("demo", ["device=cuda", "training.workers=5", "rounds=7"])
    assert with_site_fields(one, other) == load_recipe(
        "demo", ["device=cuda", "training.workers=5", "training.batch_size=2"]
    )


@pytest.mark.parametrize(
    ("value", "place"),
    [
        *((value, False) for value in (None, 4, "swin", "microsoft/swin-tiny-patch4-window7-224", "01-ai/x_y.z")),
        *((value, True) for value in (Path("x"), "/x", "~/x", "./x", "../x", "a/b/c", "a/../b", "a\\b", "C:x", "")),
    ],
)
def test_only_what_could_be_a_name_of_the_hub_is_no_place(value: object, place: bool) -> None:
    assert is_path(value) is place
