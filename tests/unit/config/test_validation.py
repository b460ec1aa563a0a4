"""Whatever is of the wrong type in a recipe or in dataset.yaml: one line says what it should be, such as what."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedhca.config.section import Section, validated
from fedhca.data.described.dataset_description import DataSetDescription
from fedhca.errors import RecipeError
from fedhca.experiment.recipe import Recipe

TASKS: dict[str, Any] = {
    "a": {"kind": "semseg", "classes": ["x", "y"], "ignore": [255], "offset": 1, "folder": "a", "suffix": "_a"},
    "b": {"kind": "human_parts", "classes": 3, "missing": "ignore"},
    "c": {"kind": "depth", "unit": 0.5, "invalid": [0.0], "limit": 80.0},
    "d": {"kind": "depth", "unit": "metres", "invalid": 0},
    "e": {"kind": "normals", "invalid": [1, 2, 3]},
    "f": {"kind": "edge", "white": 1, "ignore": 7},
    "g": {"kind": "classification", "classes": ["x", "y"], "file": "g.csv"},
    "h": {"kind": "keypoints", "points": ["x", "y"], "swaps": [["x", 1]], "max_dist": 0.1},
    "i": {"kind": "keypoints", "points": 2},
    "j": {"kind": "semseg", "colours": {"x": [1, 2, 3]}, "ignore": [[0, 0, 0]]},
}
DATASET: dict[str, Any] = {"description": "x", "images": "images", "tasks": TASKS, "train": "x", "val": 0.5, "seed": 1}
COMMON = {"local_epochs": 1, "max_dist": 0.1, "augmentation": {"scale": [0.5, 2.0], "flip": True, "photometric": True}}
FOLDER = {**COMMON, "root": "x", "shrink": 0.5}
BENCHMARK = {**FOLDER, "ground_truth": "label", "size": [8, 8], "classes": 3, "train": "a", "val": "b"}
VALUES: dict[str, Any] = {
    **{"description": "x", "seed": 1, "rounds": 2, "evaluate_every": 1, "checkpoint_every": 1, "on_missing": "keep"},
    **{"min_clients": 1, "timeout": 1.5, "device": "cpu", "states": "memory", "weights": {"a": 0.5}},
    "guard": {"bound": 2, "reject": 3.5},
    "method": {"name": "fedhca2", "encoder": "local", "decoder": "fedavg", "c": 0.1, "rescale": True},
    "model": {"backbone": "swin", "pretrained": False, "config": {"depths": [1]}, "width": 8, "decoders": "apart"},
    "training": {
        **{"batch_size": 2, "learning_rate": 0.1, "weight_decay": 0.1, "warmup_epochs": 1, "clip_norm": 1.0},
        **{"warmup_learning_rate": 0.1, "final_learning_rate": 0.1, "precision": "float32", "compile": False},
        "workers": 0,
    },
    "datasets": {
        "rooms": {**COMMON, "kind": "rooms", "size": [8, 8], "train": 8, "val": 8},
        "nyud": {**BENCHMARK, "kind": "nyud"},
        "voc": {
            **BENCHMARK,
            "kind": "pascal_context",
            "parts": 3,
            "cache": "x",
            "legacy_parts": True,
            "legacy_normals": True,
        },
        "own": {**FOLDER, "kind": "folder", "size": [8, 8], "tasks": TASKS},
        "hub": {
            **{**COMMON, "kind": "huggingface", "path": "x/y", "revision": "x", "size": [8, 8], "shrink": 0.5},
            **{"tasks": {"a": {"kind": "depth", "unit": 1}}, "columns": {"image": "x"}, "train": "a", "val": 0.2},
            "seed": 0,
        },
    },
    "clients": [
        {
            **{"name": "a", "dataset": "rooms", "tasks": ["depth"], "count": 1, "joins": 1, "leaves": 2},
            "local_epochs": 2,
            "model": {"backbone": "swin", "pretrained": False, "config": {}, "width": 8},
        }
    ],
    "sent": {"down": "int8", "up": "float32"},
    "privacy": {"clip": 1.0, "noise": 0.1, "delta": 0.1, "metrics": False},
}
FILES: dict[str, tuple[type[Section], dict[str, Any]]] = {
    "recipe": (Recipe, VALUES),
    "dataset": (DataSetDescription, DATASET),
}
STRANGE = [True, 12, -1, 1.5, 10**30, 1e300, float("inf"), "", "x y", [], [5, 7], [[1]], {}, {"z": 1}, None, "1e5"]
OTHERWISE = r"should (be|have) .*; found|is missing\. Add it|unknown key|each task once; found|not in `datasets`"
OF_PYDANTIC = (
    "input should",
    "unable to parse",
    "valid integer",
    "valid string",
    "instance of",
    "[key]",
    "constrained",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, key))


def put(values: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(values)
    place: Any = made
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return made


def refused(values: dict[str, Any], model: type[Section]) -> str:
    """Return the line that says what is wrong; nothing if nothing is."""
    try:
        validated(values, model, "x.yaml")
    except RecipeError as error:
        return str(error)
    return ""


PLACES = [(file, path) for file, (_, values) in FILES.items() for path in places(values)]


def test_every_field_is_tried() -> None:
    """The values above name each field of each section once."""
    for model, values in FILES.values():
        schema = model.model_json_schema()
        named = {part for path in places(values) for part in path}
        fields = {field for each in [schema, *schema["$defs"].values()] for field in each.get("properties", ())}
        assert fields <= named


def test_the_values_are_good() -> None:
    for model, values in FILES.values():
        validated(values, model, "x")


@settings(max_examples=600)
@given(place=st.sampled_from(PLACES), value=st.sampled_from(STRANGE))
def test_a_wrong_value_s_line_says_what_it_should_be_and_its_example_is_right(
    place: tuple[str, tuple[Any, ...]], value: Any
) -> None:
    file, path = place
    model, values = FILES[file]
    line = refused(put(values, path, value), model)
    if not line:
        return
    assert line.startswith("x.yaml: ")
    assert not [words for words in OF_PYDANTIC if words in line.lower()], line
    found = re.fullmatch(r"x.yaml: `([^`]+)` should be .+, such as (.+?)\. Found .+", line, re.DOTALL)
    if found is None:
        assert re.search(OTHERWISE, line), line
        return
    field, example = tuple(int(part) if part.isdigit() else part for part in found[1].split(".")), json.loads(found[2])
    around = put(values, path, value) if len(field) > len(path) else values
    assert f"`{found[1]}` should be" not in refused(put(around, field, example), model), line


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("seed",), True, "`seed` should be a whole number, at least 0 and below 9.22337203685478e+18, such as 0. "
                          "Found true."),
        (("clients", 0, "name"), 12, "`clients.0.name` should be a name of letters, digits, dots, dashes and "
                                     'underscores, such as "12". Found 12.'),
        (("clients", 0, "tasks"), "depth", "`clients.0.tasks` should be a list, at least 1 long, each text, such as "
                                           "[\"depth\"]. Found 'depth'."),
        (("datasets", "own", "tasks", "a", "classes"), [5, 7], "`datasets.own.tasks.a.classes` should be a whole "
         "number, at least 1 and at most 255, or a list, at least 1 and at most 255 long, each text, such as "
         '["5", "7"]. Found [5, 7].'),
        (("training", "precision"), "float23", "`training.precision` should be one of 'auto', 'float32', 'bfloat16', "
                                               "such as \"auto\". Found 'float23'. Did you mean 'float32'?"),
        (("datasets", "own"), None, '`datasets.own` should be a section of keys and values, such as {"kind": "rooms"}. '
                                    "Found nothing."),
    ],
)  # fmt: skip
def test_lines_as_they_are(path: tuple[Any, ...], value: Any, line: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validated(put(VALUES, path, value), Recipe, "x.yaml")
    assert str(caught.value) == f"x.yaml: {line}"
