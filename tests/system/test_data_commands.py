"""fedhca data check, fedhca new dataset, fedhca new recipe: what is found in folders, and what is written of it."""

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import own
import pytest
from folders import nyud, save
from PIL import Image

from fedhca.data.described.dataset_description import read_dataset_description
from fedhca.experiment.recipes import load_recipe, to_yaml
from tiny import Command

FIRST = "room-train-000000"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own.rooms(tmp_path / "rooms", 5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(command: Command, *words: object, code: int = 0) -> Any:
    outcome = command("data", "check", *words, "--json")
    assert outcome.code == code, outcome.err
    (found,) = json.loads(outcome.out)
    return found


def test_what_is_in_a_folder(place: Path, command: Command) -> None:
    found = checked(command, "rooms")
    assert found["splits"] == {"train": 4, "val": 1}
    assert found["sizes"] == [{"size": [32, 48], "pictures": 5}]
    assert found["problems"] == found["advice"] == []
    stored = [np.array(Image.open(path)) for path in sorted((place / "rooms" / "semseg").iterdir())]
    classes = [*found["tasks"]["semseg"]["classes"].values()]
    assert found["tasks"]["semseg"]["labelled"] == 1
    for index, each in enumerate(classes):
        assert each["share"] == pytest.approx(np.mean(np.stack(stored) == index))
        assert each["pictures"] == sum((label == index).any() for label in stored)
    depths = np.stack([np.array(Image.open(path)) for path in (place / "rooms" / "depth").iterdir()]) / 1000
    assert found["tasks"]["depth"]["metres"]["least"] == pytest.approx(depths.min())
    assert found["tasks"]["depth"]["metres"]["greatest"] == pytest.approx(depths.max())
    assert found["tasks"]["normals"]["not_unit"] == 0
    edges = np.stack([np.array(Image.open(path)) for path in (place / "rooms" / "edge").iterdir()])
    assert found["tasks"]["edge"]["set"] == pytest.approx(np.mean(edges > 127))
    with Image.open(found["sheet"]) as sheet:
        assert Path(found["sheet"]) == place / "rooms-check.png"
        assert sheet.width > 5 * 200
    said = command("data", "check", "rooms", "--out", "sheets").out
    assert all(word in said for word in ("4 in train, 1 in val", "32 × 48", "lamp", "0 problems", "sheets/rooms-check"))


def test_a_recipe_is_looked_at_as_its_clients_get_it(place: Path, command: Command) -> None:
    for split, names in (("train", ("a1", "a2")), ("val", ("b1",))):
        nyud(place / "nyud", names, split)
    values = {
        "datasets": {"n": {"kind": "nyud", "root": "nyud", "size": [24, 32]}},
        "clients": [{"name": "a", "dataset": "n", "tasks": ["depth"]}],
    }
    (place / "r.yaml").write_text(to_yaml(values))
    found = checked(command, "r.yaml")
    assert (found["name"], found["splits"]) == ("n", {"train": 2, "val": 1})
    assert len(found["tasks"]["semseg"]["classes"]) == 40


SPOILT: dict[str, tuple[str, list[str], list[str]]] = {
    "fewer classes than there are": ("semseg={kind: semseg, classes: 2}", ["semseg/", "`classes`"], ["classes: "]),
    "255 as a class": ("semseg={kind: semseg, classes: 12, ignore: []}", [], []),
    "white is 1": ("edge={kind: edge, white: 1}", ["edge/", "`white`"], ["set `white: 255`"]),
    "no unit": ("depth={kind: depth, unit: metres}", [], ["millimetres"]),
    "holes in normals": ("normals={kind: normals}", [], []),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_should_be_described_in_another_way(place: Path, command: Command, kind: str) -> None:
    change, problems, advice = SPOILT[kind]
    name, _, text = change.partition("=")
    (place / "rooms" / "dataset.yaml").write_text(f"tasks: {{{name}: {text}}}\n")
    found = checked(command, "rooms", code=1 if problems else 0)
    assert bool(problems) == bool(found["problems"]) == bool(found["wrong"])
    assert all(word in line for line in found["problems"] for word in problems), found["problems"]
    assert len(found["advice"]) == bool(advice)
    assert all(word in found["advice"][0] for word in advice), found["advice"]


def test_the_advice_is_right(place: Path, command: Command) -> None:
    (place / "rooms" / "dataset.yaml").write_text("tasks: {semseg: {kind: semseg, classes: 2}}\n")
    (line,) = checked(command, "rooms", code=1)["advice"]
    count = int(line.split("set `classes: ")[1].split("`")[0])
    (place / "rooms" / "dataset.yaml").write_text(f"tasks: {{semseg: {{kind: semseg, classes: {count}}}}}\n")
    assert checked(command, "rooms")["advice"] == []


def test_every_broken_file_has_its_line_and_the_others_are_counted(place: Path, command: Command) -> None:
    for path in (place / "rooms" / "depth").iterdir():
        path.write_bytes(b"x")
    (place / "rooms" / "images" / f"{FIRST}.png").write_bytes(b"x")
    (place / "rooms" / "edge" / "room-train-000001.png").unlink()
    found = checked(command, "rooms", code=1)
    assert found["wrong"] == len(found["problems"]) == 6
    assert found["tasks"]["normals"]["pictures"] == 4
    outcome = command("data", "check", "rooms")
    lines = outcome.err.splitlines()
    assert outcome.code == 1
    assert len(lines) == 6
    assert all(line.startswith(f"fedhca: {place / 'rooms'}") or "rooms/" in line for line in lines)
    assert "Traceback" not in outcome.err + outcome.out


def test_a_folder_that_says_nothing_of_itself_says_how_to_go_on(place: Path, command: Command) -> None:
    (place / "rooms" / "dataset.yaml").unlink()
    outcome = command("data", "check", "rooms")
    assert outcome.code == 1
    assert outcome.err.splitlines() == [outcome.err.strip()]
    assert "fedhca new dataset rooms" in outcome.err


@pytest.mark.parametrize("channels", ["greys of a palette", "three that are equal"])
def test_a_mask_is_described_by_its_greys(place: Path, command: Command, channels: str) -> None:
    own.figures(place / "people", 5, ("sal", "edge"))
    for path in [*(place / "people" / "sal").iterdir(), *(place / "people" / "edge").iterdir()]:
        mask = Image.open(path)
        (mask.quantize(2) if channels == "greys of a palette" else mask.convert("RGB")).save(path)
    before = checked(command, "people")["tasks"]
    assert command("new", "dataset", "people", "--force").code == 0
    assert "white" not in (place / "people" / "dataset.yaml").read_text().replace("white: 255", "")
    assert checked(command, "people")["tasks"]["sal"]["set"] == before["sal"]["set"] > 0


def test_a_description_is_written_of_how_a_folder_looks(place: Path, command: Command) -> None:
    before = read_dataset_description(place / "rooms")
    refused = command("new", "dataset", "rooms")
    assert refused.code == 1
    assert "--force" in refused.err
    own.figures(place / "people", 5, ("sal", "human_parts"))
    (place / "people" / "dataset.yaml").unlink()
    for name in ("rooms", "people"):
        assert command("new", "dataset", name, "--force").code == 0
        assert checked(command, name)["problems"] == []
    after = read_dataset_description(place / "rooms")
    assert {name: label.kind for name, label in after.tasks.items()} == {name: name for name in before.tasks}
    assert after.tasks["depth"] == before.tasks["depth"]
    assert {label.kind for label in read_dataset_description(place / "people").tasks.values()} == {"sal", "human_parts"}
    assert "#" in (place / "rooms" / "dataset.yaml").read_text()


def looks(place: Path, folder: str, values: np.ndarray, ending: str = ".png", suffix: str = "") -> Any:
    """Return what is written of a folder that holds such labels for its pictures."""
    root = place / "mine"
    for name in ("a", "b"):
        save(root / "photos" / f"{name}.jpg", np.zeros((*values.shape[:2], 3), np.uint8))
        save(root / folder / f"{name}{suffix}{ending}", values)
    return root


@pytest.mark.parametrize(
    ("folder", "values", "ending", "expected"),
    [
        ("masks", np.array([0, 1, 2, 255], np.uint8), ".png", {"kind": "semseg", "classes": 3}),
        ("ids", np.array([0, 1, 300], np.uint16), ".png", None),
        ("range", np.arange(1000, dtype=np.uint16), ".png", {"kind": "depth", "unit": "millimetres"}),
        ("z", np.array([0.5, 2, 80], np.float32), ".npy", {"kind": "depth", "unit": "metres"}),
        ("depth", np.array([500.0, 2000, 8000], np.float32), ".tif", {"kind": "depth", "unit": "millimetres"}),
        ("contours", np.array([0, 255], np.uint8), ".png", {"kind": "edge"}),
        ("object", np.array([0] * 20 * 40 + [255] * 12 * 40, np.uint8), ".png", {"kind": "sal"}),
        ("lines", np.array([0] * 9 + [255], np.uint8), ".png", {"kind": "edge"}),
        ("saliency", np.array([0, 1], np.uint8), ".png", {"kind": "sal", "white": 1}),
        ("crack", np.array([0, 1], np.uint8), ".png", {"kind": "semseg", "classes": 2}),
    ],
)
def test_kinds_are_told_by_names_and_values(
    place: Path, command: Command, folder: str, values: np.ndarray, ending: str, expected: dict[str, Any] | None
) -> None:
    root = looks(place, folder, np.resize(values, (32, 40)), ending, "_x")
    outcome = command("new", "dataset", root)
    if expected is None:
        assert outcome.code == 1
        assert f"{folder}: whole numbers from 0 to 300" in outcome.err
        return
    assert outcome.code == 0, outcome.err
    description = read_dataset_description(root)
    assert description.images == "photos"
    found = description.tasks[folder].model_dump(exclude_unset=True)
    assert found == {**expected, "suffix": "_x"}


def test_pictures_without_a_label_are_named_and_stay_an_error(place: Path, command: Command) -> None:
    root = looks(place, "masks", np.resize(np.array([0, 1, 2], np.uint8), (32, 40)))
    save(root / "photos" / "c.jpg", np.zeros((32, 40, 3), np.uint8))
    for name in ("photos/Thumbs.db", "photos/.DS_Store", "photos/notes.txt", "masks/desktop.ini", "masks/a.txt"):
        (root / name).write_bytes(b"x")
    said = command("new", "dataset", root).out
    assert "  # not read: 1 .db, 1 .txt\n" in said
    assert "  masks:  # 2 labels:" in said
    assert "    # missing: ignore  # 1 without a label, an error if this stays a comment: c\n" in said
    (problem,) = checked(command, root, code=1)["problems"]
    assert problem.startswith(str(root / "masks" / "c.png"))
    written = root / "dataset.yaml"
    written.write_text(written.read_text().replace("# missing", "missing"))
    assert checked(command, root)["problems"] == []


def test_a_full_folder_with_strange_files_says_nothing_of_missing_ones(place: Path, command: Command) -> None:
    root = looks(place, "masks", np.resize(np.array([0, 1, 2], np.uint8), (32, 40)))
    (root / "photos" / "Thumbs.db").write_bytes(b"x")
    assert "missing" not in command("new", "dataset", root).out


def test_what_a_folder_is_not_is_said_beside_what_others_are(place: Path, command: Command) -> None:
    root = looks(place, "masks", np.resize(np.array([0, 1, 2], np.uint8), (32, 40)))
    looks(place, "soft", np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8))
    looks(place, "grey", np.zeros((32, 40), np.uint8), ".jpg")
    (root / "other").mkdir()
    (root / "other" / "a.json").write_text("{}")
    text = command("new", "dataset", root).out
    assert [*read_dataset_description(root).tasks] == ["masks"]
    (soft,) = [line for line in text.splitlines() if line.startswith("# not understood: soft: ")]
    assert "colours; at most 255 classes" in soft
    (grey,) = [line for line in text.splitlines() if line.startswith("# not understood: grey: ")]
    assert "which changes" in grey
    assert "# not understood: other: no label called as a picture is, such as a.png; found 1 .json" in text


ADVICE: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "-1": (np.array([0, 1, -1]), {"classes": 2}, "hold -1 to 1: if -1 means no label, set `ignore: [255, -1]`"),
    "-1 alone": (np.array([0, 1, -1]), {"classes": 2, "ignore": []}, "if -1 means no label, set `ignore: -1`"),
    "-1 and 255": (np.array([0, -1, 255]), {"classes": 1, "ignore": []}, "set `ignore: [-1, 255]`"),
    "real numbers": (np.array([0.0, 1, 2]), {"classes": 2}, "hold 0 to 2: set `classes: 3`"),
    "65536": (np.array([0, 1, 65536]), {"classes": 2}, "65536 can be no class; what means no label goes to `ignore`"),
    "colours": (
        np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]], np.uint8), {"colours": {"x": [0, 0, 0]}},
        "2 colours are neither in `colours` nor in `ignore`: [0, 9, 0], [9, 0, 0]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ADVICE)
def test_what_labels_hold_beside_classes_is_advice(place: Path, command: Command, kind: str) -> None:
    values, told, words = ADVICE[kind]
    root = looks(place, "masks", np.resize(values, (32, 40, *values.shape[1:])), ".npy")
    own.describe(root, {"images": "photos", "val": 0.5, "tasks": {"masks": {"kind": "semseg", **told}}})
    (line,) = checked(command, root, code=1)["advice"]
    assert words in line


def test_a_recipe_is_written_and_runs(place: Path, command: Command) -> None:
    outcome = command("new", "recipe", "mine.yaml", "--data", "rooms", "--rounds", 1, "--method", "local")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-2:] == ["Next: fedhca check mine.yaml", "Then: fedhca run mine.yaml"]
    recipe = load_recipe("mine.yaml")
    assert [(client.name, {*client.tasks}) for client in recipe.clients] == [("rooms", {*own.ROOMS})]
    assert (recipe.rounds, recipe.method.name, recipe.datasets["rooms"].size) == (1, "local", (32, 64))
    assert "#" in (place / "mine.yaml").read_text()
    assert command("check", "mine.yaml").code == 0
    assert command("new", "recipe", "mine.yaml", "--data", "rooms").code == 1  # it is there


def test_clients_are_given_in_a_word_each_and_large_pictures_are_shrunk(place: Path, command: Command) -> None:
    big = place / "big photos"
    for name in ("a", "b", "c"):
        save(big / "images" / f"{name}.jpg", np.zeros((480, 640, 3), np.uint8))
        save(big / "edge" / f"{name}.png", np.zeros((480, 640), np.uint8))
    own.describe(big, {"tasks": {"edge": {"kind": "edge"}}})
    words = ["--clients", "a=rooms:depth+edge*2,b=big-photos:edge"]
    outcome = command("new", "recipe", "--data", "rooms", "--data", big, *words, "--model", "swin-t")
    assert outcome.code == 0, outcome.err
    recipe = load_recipe("recipe.yaml")
    assert [client.name for client in recipe.roster] == ["a-1", "a-2", "b"]
    assert recipe.model.pretrained
    data: Any = recipe.datasets["big-photos"]
    assert (data.size, data.shrink) == ((384, 512), 0.8)


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def test_questions_are_asked_of_people_alone(place: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = command("new", "recipe", "mine.yaml")
    assert outcome.code == 1
    assert "--data" in outcome.err
    monkeypatch.setattr(sys, "stdin", Terminal("rooms\ndepth+edge,normals\nuni\n\nfedavg\n3\n\n"))
    outcome = command("new", "recipe", "mine.yaml")
    assert outcome.code == 0, outcome.err
    recipe = load_recipe("mine.yaml")
    assert [(client.name, client.tasks) for client in recipe.clients] == [
        ("uni", ("depth", "edge")),
        ("rooms-normals", ("normals",)),
    ]
    assert (recipe.rounds, recipe.method.name) == (3, "fedavg")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "room"], ["room", "folder of a data set"]),
        (["--data", "rooms", "--clients", "a=rooms"], ["NAME=DATASET:TASK+TASK", "'a=rooms'"]),
        (["--data", "rooms", "--clients", "a=rooms:depht"], ["'depht'", "did you mean 'depth'?"]),
        (["--data", "rooms", "--clients", "a=room:depth"], ["'room'"]),
        (["--data", "rooms", "--clients", "a/b=rooms:depth"], ["a/b"]),
        (["--data", "rooms", "--method", "fedavgg"], ["did you mean 'fedavg'?"]),
        (["--data", "rooms", "--model", "huge"], ["'huge'", "tiny"]),
        (["--data", "rooms", "--data", "rooms"], ["'rooms' twice"]),
    ],
)
def test_a_recipe_that_could_not_run_is_not_written(
    place: Path, command: Command, words: list[str], expected: list[str]
) -> None:
    outcome = command("new", "recipe", "mine.yaml", *words)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1
    assert all(word in outcome.err for word in expected), outcome.err
    assert not (place / "mine.yaml").exists()


@pytest.mark.parametrize("what", ["nothing", "empty", "pictures alone", "names that do not fit", "broken label"])
def test_a_folder_nothing_can_be_said_of_is_one_line(place: Path, command: Command, what: str) -> None:
    root = place / "mine"
    if what != "nothing":
        root.mkdir()
    if what not in {"nothing", "empty"}:
        save(root / "images" / "a.jpg", np.zeros((8, 8, 3), np.uint8))
    if what == "names that do not fit":
        save(root / "masks" / "other.png", np.zeros((8, 8), np.uint8))
    if what == "broken label":
        (root / "masks").mkdir()
        (root / "masks" / "a.png").write_text("x")
    outcome = command("new", "dataset", root)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1
    assert str(root) in outcome.err
    assert not (root / "dataset.yaml").exists()
    shutil.rmtree(root, ignore_errors=True)
