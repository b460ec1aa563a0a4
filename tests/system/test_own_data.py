"""Own pictures: folder → recipe → federation → prediction, and what a run needs of the folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import own
import pytest

from fedhca.config.owner import redacted
from fedhca.errors import DataError
from fedhca.experiment.check import check_recipe
from fedhca.experiment.recipes import dump_recipe, load_recipe, validate
from fedhca.experiment.run_folder import RunFolder
from tiny import RECIPE, SWIN, Command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own.rooms(tmp_path / "rooms", 6)
    own.figures(tmp_path / "people", 6, ("sal", "human_parts"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipe(place: Path, **more: Any) -> Path:
    values: dict[str, Any] = {
        "rounds": 1,
        "model": load_recipe(RECIPE).model.model_dump() | {"config": SWIN},
        "training": {"batch_size": 2},
        "datasets": {
            "rooms": {"kind": "folder", "root": "rooms", "size": [32, 48]},
            "people": {"kind": "folder", "root": "people", "size": [24, 16], "shrink": 0.5},
        },
        "clients": [
            {"name": "a", "dataset": "rooms", "tasks": [*own.ROOMS]},
            {"name": "b", "dataset": "people", "tasks": ["sal"]},
        ],
    }
    path = place / "own.yaml"
    path.write_text(json.dumps(values | more))
    return path


def test_from_folders_to_predictions(place: Path, command: Command) -> None:
    outcome = command("run", recipe(place), "--out", "run")
    assert outcome.code == 0, outcome.err
    run = RunFolder.open(place / "run")
    metrics = run.journal[-1]["metrics"]
    assert {name: {*values} for name, values in metrics.items()} == {"a": {*own.ROOMS}, "b": {"sal"}}
    shutil.rmtree(place / "rooms")  # the run knows its tasks without the data
    picture = next((place / "people" / "images").iterdir())
    outcome = command("predict", "run", picture, "--client", "a")
    assert outcome.code == 0, outcome.err
    assert (place / "run" / "predictions" / f"{picture.stem}-a.png").is_file()


def test_what_others_get_to_see_has_the_tasks_and_no_places(place: Path) -> None:
    mine = load_recipe(recipe(place))
    shared = validate(redacted(dump_recipe(mine)), "shared")
    assert shared.datasets["rooms"].tasks == mine.datasets["rooms"].tasks  # type: ignore[union-attr]
    assert str(place) not in json.dumps(dump_recipe(shared))


def test_a_recipe_for_a_folder_that_is_not_here_says_what_its_tasks_are(place: Path) -> None:
    away = load_recipe(recipe(place), ["datasets.rooms.root=away"])
    with pytest.raises(DataError, match="away: expected the folder"):
        check_recipe(away)
    told = ["datasets.rooms.root=away", "datasets.rooms.tasks={depth: {kind: depth, unit: metres}}"]
    assert [*load_recipe(recipe(place), told).datasets["rooms"].tasks] == ["depth"]  # type: ignore[union-attr]


def test_check_reads_folders(place: Path) -> None:
    assert check_recipe(load_recipe(recipe(place))).problems == []
    broken = next((place / "rooms" / "depth").iterdir())
    broken.write_bytes(b"x")
    (problem,) = check_recipe(load_recipe(recipe(place))).problems
    assert problem.startswith("data set `rooms`: ")
    assert str(broken) in problem
