"""Every number in a recipe and in dataset.yaml is bounded on both sides."""

from collections.abc import Iterator
from typing import Any

import pytest

from fedhca.data.described.dataset_description import DataSetDescription
from fedhca.errors import RecipeError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import load_recipe
from tiny import RECIPE

LEAST, MOST = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def numbers(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where numbers may stand, and what is said of them."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield path, schema
        for key, each in schema.items():
            yield from numbers(each, f"{path}.{key}")
    elif isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from numbers(each, f"{path}.{index}")


FOUND = [
    (f"{model.__name__}{path}", schema)
    for model in (Recipe, DataSetDescription)
    for path, schema in numbers(model.model_json_schema())
]


def test_numbers_are_found_in_every_section() -> None:
    names = " ".join(name for name, _ in FOUND)
    for field in ("rounds", "count", "batch_size", "classes", "scale", "reject", "clip", "timeout", "limit", "swaps"):
        assert f".{field}" in names


@pytest.mark.parametrize(("name", "schema"), FOUND, ids=[name for name, _ in FOUND])
def test_a_number_is_bounded_on_both_sides(name: str, schema: dict[str, Any]) -> None:
    assert any(key in schema for key in LEAST), name
    assert any(key in schema for key in MOST), name


@pytest.mark.parametrize(
    "change",
    [
        *("seed=true", "seed=1e25", "rounds=1e18", "rounds=1000001", "training.batch_size=1e26", "timeout=1e300"),
        *("clients.0.count=100000000", "training.workers=100000", "datasets.rooms.size=[1e6, 1e6]", "timeout=true"),
        *("method.c=1e300", "method.c=.inf", "datasets.rooms.augmentation.scale=[1, 1e9]", "weights.depth=false"),
    ],
)
def test_what_lies_beyond_is_refused_before_it_takes_room(change: str) -> None:
    with pytest.raises(RecipeError, match=r"should be .*, such as .*\. Found"):
        load_recipe(RECIPE, [change])


def test_clients_are_counted_before_they_are_made() -> None:
    clients = [{"name": name, "dataset": "rooms", "tasks": ["depth"], "count": 9000} for name in "ab"]
    values = load_recipe(RECIPE).model_dump(mode="json") | {"clients": clients}
    with pytest.raises(ValueError, match="at most 10,000 clients; found 18,000"):
        Recipe.model_validate(values)
