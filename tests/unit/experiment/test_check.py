import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folders import nyud, pascal_context, save

from fedhca.errors import RecipeError
from fedhca.experiment.check import check_recipe, given_away
from fedhca.experiment.recipes import load_recipe, validate
from tiny import RECIPE

MODEL = load_recipe(RECIPE).model.model_dump()


def real(root: Path, **changes: Any) -> Any:
    """Return a recipe on tiny folders in the two layouts."""
    indoor, voc = root / "nyud", root / "voc"
    for split, names in (("train", ("a1", "a2", "a3")), ("val", ("b1",))):
        nyud(indoor, names, split)
        pascal_context(voc, names, split, people=names)
    size = {"size": [24, 32]}
    values = {
        "rounds": 1,
        "model": MODEL,
        "training": {"batch_size": 1},
        "datasets": {
            "nyud": {"kind": "nyud", "root": str(indoor), **size},
            "voc": {"kind": "pascal_context", "root": str(voc), "cache": str(root / "cache"), **size},
        },
        "clients": [
            {"name": "all", "dataset": "nyud", "tasks": ["semseg", "depth", "normals", "edge"]},
            {"name": "parts", "dataset": "voc", "tasks": ["human_parts"]},
            {"name": "rest", "dataset": "voc", "tasks": ["semseg", "sal", "normals", "edge"]},
        ],
    }
    return validate(json.loads(json.dumps(values | changes)), "x")


def test_what_a_recipe_would_do() -> None:
    found = check_recipe(load_recipe(RECIPE))
    assert found.problems == []
    assert [row[:5] for row in found.rows] == [
        ["rooms-all", "rooms", "semseg depth normals edge", "8", "4"],
        ["figures-sal", "figures", "sal", "6", "4"],
        ["figures-semseg", "figures", "semseg", "6", "4"],
    ]
    assert "3 clients" in found.summary
    assert "0 problems" in found.summary


def test_what_a_private_run_would_give_away() -> None:
    def said(*changes: str) -> str:
        return given_away(load_recipe(RECIPE, ["rounds=50", "privacy.clip=0.5", *changes]))

    assert said("privacy.noise=10").startswith("Privacy: ε = 7.")  # 1 + 2√(ln 10⁵) = 7.8 at most: ρ = 2 · 50/10²
    assert "at δ = 1e-05 for each client after 50 answers" in said("privacy.noise=10")
    assert "ε = inf" in said("privacy.noise=0")
    assert said("privacy.noise=1").endswith("Metrics are not sent.")
    assert said("privacy.noise=1", "privacy.metrics=true").endswith("Metrics are sent, and not covered.")
    assert given_away(load_recipe(RECIPE)) == ""


def test_folders_in_order_have_no_problems(tmp_path: Path) -> None:
    found = check_recipe(real(tmp_path))
    assert found.problems == []
    assert [row[3:5] for row in found.rows] == [["3", "1"], ["2", "1"], ["1", "1"]]


def test_every_problem_of_the_data_has_its_line(tmp_path: Path) -> None:
    recipe = real(tmp_path)
    (tmp_path / "nyud" / "segmentation" / "a1.png").unlink()
    (tmp_path / "voc" / "sal_distill" / "b1.png").unlink()
    save(tmp_path / "nyud" / "edge" / "a3.png", np.zeros((5, 5), np.uint8))
    found = check_recipe(recipe)
    assert len(found.problems) == 3
    for name in ("segmentation/a1.png", "sal_distill/b1.png", "edge/a3.png"):
        assert sum(name in problem for problem in found.problems) == 1
    assert found.summary.endswith("3 problems.")


def test_only_labels_that_a_client_uses_must_be_there(tmp_path: Path) -> None:
    recipe = real(tmp_path, clients=[{"name": "a", "dataset": "nyud", "tasks": ["depth"]}])
    (tmp_path / "nyud" / "segmentation" / "a1.png").unlink()
    assert check_recipe(recipe).problems == []


def test_a_test_picture_larger_than_the_size_is_a_problem(tmp_path: Path) -> None:
    recipe = real(tmp_path)
    nyud(tmp_path / "nyud", ("b1",), "val", shape=(40, 40))
    (problem,) = check_recipe(recipe).problems
    assert "'b1'" in problem
    assert "`size`" in problem


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("method=fedavgg", "fedavgg"),
        ("device=cuda", "`device`"),
        ("model.config.num_heads=[3, 3, 3, 3]", "backbone"),
        ("clients.0.tasks=[sal]", "'sal'"),
        ("clients.0.count=9", "9 clients"),
    ],
)
def test_what_leaves_nothing_to_check_is_an_error(change: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RecipeError) as caught:
        check_recipe(load_recipe(RECIPE, [change]))
    assert word in str(caught.value)
