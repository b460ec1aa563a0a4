"""Classification, keypoints and segmentation in one federation, through every command that looks at tasks."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from tiny import RECIPE, Command

CLIENTS = [
    {"name": "count", "dataset": "figures", "tasks": ["classification"]},
    {"name": "points", "dataset": "figures", "tasks": ["keypoints"]},
    {"name": "all", "dataset": "figures", "tasks": ["semseg", "keypoints", "classification"]},
]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    values = YAML(typ="safe").load(RECIPE.read_text())
    figures = {"kind": "figures", "size": [48, 32], "train": 24, "val": 6}
    path = tmp_path / "kinds.yaml"
    YAML().dump({**values, "datasets": {"figures": figures}, "clients": CLIENTS}, path)
    return path


def test_tasks_of_all_kinds_are_federated_compared_reported_and_drawn(
    command: Command, recipe: Path, tmp_path: Path
) -> None:
    checked = command("check", recipe)
    assert (checked.code, checked.err) == (0, "")
    assert "semseg keypoints classification" in checked.out
    out = tmp_path / "out"
    compared = command("compare", recipe, "--methods", "local,fedhca2", "--seeds", "0", "--out", out)
    assert compared.code == 0, compared.err
    table = (out / "table.md").read_text()
    assert "figures classification accuracy ↑" in table
    assert "figures keypoints PCK ↑" in table
    run = next(out.rglob("fedhca2/**/journal.jsonl")).parent
    last = json.loads((run / "journal.jsonl").read_text().splitlines()[-1])
    assert all(0 <= value <= 100 for tasks in last["metrics"].values() for value in tasks.values())
    assert last["metrics"]["all"].keys() == {"semseg", "keypoints", "classification"}
    heard = np.array(last["decoder"]["mixing"])
    assert heard.shape[-1] == 5
    assert (np.abs(heard[..., 0, 1:]) > 0).any(), "the decoder of classes hears those of points and pixels"
    assert command("report", out, "--out", tmp_path / "page").code == 0
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert "No pictures" not in page
    assert "PCK" in page
    Image.fromarray(np.full((50, 70, 3), 90, np.uint8)).save(tmp_path / "photo.png")
    assert command("predict", run, tmp_path / "photo.png", "--client", "all", "--out", tmp_path).code == 0
    assert Image.open(tmp_path / "photo-all.png").width > 4 * 240


def test_they_are_listed(command: Command) -> None:
    listed = command("ls").out
    for words in (
        "One class per picture",
        "label float [b, 3, y, x];",
        "Metric: accuracy",
        "Metric: PCK",
        "figures-kinds",
    ):
        assert words in listed
