"""Every bad input is one line that names file or field, with an exit code other than 0 and without a traceback."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folders import nyud, pascal_context, save
from PIL import Image

from fedhca.experiment.recipes import load_recipe
from tiny import RECIPE, Command


@dataclass(frozen=True)
class Place:
    """A folder with a recipe on tiny real-layout data, and a finished run, for a test to spoil."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "real.yaml"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def nyud(self) -> Path:
        return self.root / "nyud"

    @property
    def voc(self) -> Path:
        return self.root / "voc"

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@pytest.fixture
def place(tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path)
    for split, names in (("train", ("a1", "a2", "a3")), ("val", ("b1",))):
        nyud(found.nyud, names, split)
        pascal_context(found.voc, names, split, people=names)
    shutil.copytree(finished, found.run)
    model = load_recipe(RECIPE).model.model_dump()
    size = [24, 32]
    values: dict[str, Any] = {
        "rounds": 1,
        "model": model,
        "training": {"batch_size": 1},
        "datasets": {
            "nyud": {"kind": "nyud", "root": str(found.nyud), "size": size},
            "voc": {"kind": "pascal_context", "root": str(found.voc), "size": size, "cache": str(tmp_path / "cache")},
        },
        "clients": [
            {"name": "rooms", "dataset": "nyud", "tasks": ["semseg", "depth", "normals", "edge"]},
            {"name": "people", "dataset": "voc", "tasks": ["human_parts", "sal", "semseg"]},
        ],
    }
    found.recipe.write_text(json.dumps(values))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    return found


def refused(command: Command, words: list[object], *expected: str) -> None:
    outcome = command(*words)
    assert outcome.code not in {0, None}
    assert "Traceback" not in outcome.out + outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("fedhca: ")
    assert len(lines[0]) > 30
    for word in expected:
        assert word.lower() in lines[0].lower(), lines[0]  # typer writes RECIPE or recipe, by its version


CHANGES: dict[str, tuple[str, list[str]]] = {
    "unknown method": ("method=fedavgg", ["'fedavgg'", "did you mean 'fedavg'?"]),
    "unknown option": ("method.cc=1", ["'cc'", "did you mean 'c'?"]),
    "option out of range": ("method.c=1", ["`c`", "[0, 1)"]),
    "misspelt key": ("training.learning_rte=1", ["`training.learning_rte`", "`learning_rate`"]),
    "empty task list": ("clients.0.tasks=[]", ["`clients.0.tasks`", "at least 1"]),
    "unknown task": ("clients.0.tasks=[depht]", ["'rooms-all'", "did you mean 'depth'?"]),
    "task of another data set": ("clients.0.tasks=[sal]", ["'rooms-all'", "'sal'"]),
    "two clients of one name": ("clients.0.name=figures-sal", ["two clients 'figures-sal'", "rename"]),
    "two clients of one name by count": ("clients=[{name: a, dataset: rooms, tasks: [depth], count: 2}, "
                                         "{name: a-1, dataset: rooms, tasks: [edge]}]", ["'a-1'"]),
    "unknown data set": ("clients.0.dataset=room", ["'rooms-all'", "'room'"]),
    "unknown kind": ("datasets.rooms.kind=room", ["`datasets.rooms.kind`", "'rooms'"]),
    "no rounds": ("rounds=0", ["`rounds`", "at least 1"]),
    "not a change": ("rounds", ["KEY=VALUE"]),
    "unknown weight": ("weights.dpeth=2", ["'dpeth'", "'depth'"]),
    "more clients than pictures": ("clients.0.count=99", ["99 clients", "8 pictures"]),
    "unknown backbone": ("model.backbone=swinn", ["'swinn'", "did you mean 'swin'?"]),
    "unknown setting": ("model.config.embed=3", ["`embed`", "embed_dim"]),
    "no such device": ("device=cuda", ["`device`", "`device: cpu`"]),
    "tiny pictures": ("datasets.rooms.size=[4, 4]", ["`size`", "(4, 4)"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("verb", ["run", "check", "compare"])
def test_recipes(command: Command, tmp_path: Path, kind: str, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    change, expected = CHANGES[kind]
    out: list[object] = [] if verb == "check" else ["--out", tmp_path / "out"]
    methods: list[object] = ["--methods", "fedhca2"] if verb == "compare" else []
    if verb == "compare" and kind == "unknown method":
        change, methods = "rounds=1", ["--methods", "local,fedavgg"]
    refused(command, [verb, RECIPE, "--set", change, *methods, *out], *expected)


def edit_png(path: Path, act: Callable[[np.ndarray], np.ndarray]) -> None:
    save(path, act(np.array(Image.open(path))))


def cut(path: Path, left: float) -> None:
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])


DATA: dict[str, tuple[Callable[[Place], object], list[str]]] = {
    "missing folder": (lambda at: shutil.rmtree(at.nyud), ["nyud", "`root`"]),
    "missing list": (lambda at: (at.nyud / "gt_sets" / "train.txt").unlink(), ["gt_sets/train.txt", "split"]),
    "empty list": (lambda at: (at.nyud / "gt_sets" / "val.txt").write_text("\n"), ["gt_sets/val.txt", "empty"]),
    "missing picture": (lambda at: (at.nyud / "images" / "a2.png").unlink(), ["images/a2.png", "Add the file"]),
    "image without label": (lambda at: (at.nyud / "depth" / "a2.npy").unlink(), ["depth/a2.npy", "Add the file"]),
    "test image without label": (lambda at: (at.voc / "sal_distill" / "b1.png").unlink(), ["sal_distill/b1.png"]),
    "person without parts": (lambda at: (at.voc / "human_parts" / "a1.mat").unlink(), ["human_parts/a1.mat"]),
    "label of another size": (
        lambda at: edit_png(at.nyud / "segmentation" / "a1.png", lambda label: label[:-3]),
        ["segmentation/a1.png", "images/a1.png", "24 × 32", "21 × 32"],
    ),
    "truncated PNG": (lambda at: cut(at.nyud / "images" / "a3.png", 0.5), ["images/a3.png", "Copy the file again"]),
    "truncated label": (lambda at: cut(at.voc / "sal_distill" / "a3.png", 0.5), ["sal_distill/a3.png"]),
    "truncated array": (lambda at: cut(at.nyud / "depth" / "a1.npy", 0.5), ["depth/a1.npy"]),
    "truncated annotation": (lambda at: cut(at.voc / "human_parts" / "a2.mat", 0.5), ["human_parts/a2.mat"]),
    "empty picture": (lambda at: cut(at.nyud / "images" / "a1.png", 0), ["images/a1.png"]),
    "text for a picture": (lambda at: (at.voc / "JPEGImages" / "a1.jpg").write_text("hello"), ["JPEGImages/a1.jpg"]),
    "wrong class index": (
        lambda at: edit_png(at.nyud / "segmentation" / "a1.png", lambda label: np.maximum(label, 77)),
        ["segmentation/a1.png", "40 classes", "77"],
    ),
    "colours for classes": (
        lambda at: edit_png(at.voc / "semseg" / "VOC12" / "a1.png", lambda label: np.stack([label, label, ~label], -1)),
        ["semseg/VOC12/a1.png", "3 channels"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("verb", ["run", "check"])
def test_data(command: Command, place: Place, kind: str, verb: str) -> None:
    spoil, expected = DATA[kind]
    spoil(place)
    out: list[object] = ["--out", place.root / "out"] if verb == "run" else []
    refused(command, [verb, place.recipe, *out], *expected)


def test_the_data_are_in_order_unless_spoilt(command: Command, place: Place) -> None:
    outcome = command("run", place.recipe, "--out", place.root / "out")
    assert (outcome.code, outcome.err) == (0, "")
    assert command("check", place.recipe).code == 0


def test_a_label_missing_is_the_same_line_from_processes_that_load_data(command: Command, place: Place) -> None:
    (place.nyud / "depth" / "a2.npy").unlink()
    refused(command, ["run", place.recipe, "--set", "training.workers=2", "--out", place.root / "out"], "depth/a2.npy")


def checkpoint(at: Place, part: str, rounds: int = 2) -> Path:
    return at.run / part / f"after-{rounds:06d}.safetensors"


OTHERS: dict[str, tuple[Callable[[Place], list[object]], list[str]]] = {
    "no such recipe": (lambda at: ["run", "demoo"], ["did you mean 'demo'?"]),
    "no such file": (lambda at: ["run", "none.yaml"], ["'none.yaml'", "fedhca ls"]),
    "folder for a recipe": (lambda at: ["check", at.nyud], ["Unknown recipe"]),
    "empty recipe": (lambda at: ["run", at.write("x.yaml", "")], ["x.yaml", "mapping"]),
    "no YAML": (lambda at: ["run", at.write("x.yaml", "rounds: [")], ["x.yaml", "line"]),
    "duplicate key": (lambda at: ["run", at.write("x.yaml", "seed: 1\nseed: 2")], ["x.yaml", "line 2", "seed"]),
    "no text": (lambda at: ["run", at.write("x.yaml", b"\xff\xfe\xfa")], ["x.yaml", "UTF-8"]),
    "output below a file": (lambda at: ["run", RECIPE, "--out", at.write("file", "") / "sub"], ["file/sub", "written"]),
    "output is a file": (lambda at: ["run", RECIPE, "--out", at.write("file", "")], ["file", "written"]),
    "comparison below a file": (lambda at: ["compare", RECIPE, "--out", at.write("file", "")], ["file", "written"]),
    "another recipe's folder": (lambda at: ["run", RECIPE, "--set", "rounds=9", "--out", at.run], ["`rounds`", "9"]),
    "seeds are words": (lambda at: ["compare", RECIPE, "--seeds", "0,one"], ["--seeds", "'0,one'"]),
    "seeds are odd digits": (lambda at: ["compare", RECIPE, "--seeds", "²"], ["--seeds", "'²'"]),
    "no seeds": (lambda at: ["compare", RECIPE, "--seeds", ""], ["seed", "none"]),
    "a seed twice": (lambda at: ["compare", RECIPE, "--seeds", "1,1"], ["seed", "1, 1"]),
    "no methods": (lambda at: ["compare", RECIPE, "--methods", ""], ["method", "none"]),
    "resume nothing": (lambda at: ["resume", "none"], ["'none'", "recipe.yaml"]),
    "resume a data folder": (lambda at: ["resume", at.nyud], ["nyud", "run folder"]),
    "resume a file": (lambda at: ["resume", at.recipe], ["real.yaml", "run folder"]),
    "evaluate nothing": (lambda at: ["evaluate", "none"], ["'none'"]),
    "predict from nothing": (lambda at: ["predict", "none", "a.png", "--client", "x"], ["'none'"]),
    "unknown client": (
        lambda at: ["predict", at.run, at.nyud / "images" / "a1.png", "--client", "nobody"],
        ["'nobody'", "rooms-all"],
    ),
    "missing picture to predict": (
        lambda at: ["predict", at.run, "none.png", "--client", "rooms-all"],
        ["none.png", "expected a picture"],
    ),
    "no picture to predict": (
        lambda at: ["predict", at.run, at.recipe, "--client", "rooms-all"],
        ["real.yaml", "cannot be read"],
    ),
    "predictions below a file": (
        lambda at: ["predict", at.run, at.nyud / "images" / "a1.png", "--client", "rooms-all", "--out", at.recipe],
        ["real.yaml", "written"],
    ),
    "unknown command": (lambda at: ["rnu"], ["'rnu'", "fedhca -h"]),
    "unknown option": (lambda at: ["run", RECIPE, "--ouch"], ["--ouch", "fedhca run -h"]),
    "missing argument": (lambda at: ["run"], ["recipe", "fedhca run -h"]),
    "missing client": (lambda at: ["predict", at.run, "a.png"], ["--client", "rooms-all", "Found none"]),
    "negative number of pictures": (lambda at: ["compare", RECIPE, "--pictures", "-1"], ["--pictures", "-h"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_commands(command: Command, place: Place, kind: str) -> None:
    words, expected = OTHERS[kind]
    refused(command, words(place), *expected)


SPOILT: dict[str, tuple[Callable[[Place], object], list[str]]] = {
    "no checkpoint": (lambda at: shutil.rmtree(at.run / "server"), ["checkpoint"]),
    "broken recipe": (lambda at: (at.run / "recipe.yaml").write_text("rounds: x"), ["recipe.yaml"]),
    "other recipe": (
        lambda at: (at.run / "recipe.yaml").write_text((at.run / "recipe.yaml").read_text().replace("- sal", "- edge")),
        ["run", "other clients, tasks or models"],
    ),
}


def verb_and_more(at: Place, verb: str) -> list[object]:
    return [verb, at.run, *([at.nyud / "images" / "a1.png", "--client", "rooms-all"] if verb == "predict" else [])]


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_runs(command: Command, place: Place, kind: str, verb: str) -> None:
    spoil, expected = SPOILT[kind]
    spoil(place)
    refused(command, verb_and_more(place, verb), *expected)


@pytest.mark.parametrize("kind", ["broken recipe", "other recipe"])
def test_resuming(command: Command, place: Place, kind: str) -> None:
    spoil, expected = SPOILT[kind]
    spoil(place)
    refused(command, ["resume", place.run], *expected)


BROKEN: dict[str, tuple[Callable[[Place, int], object], str]] = {
    "truncated checkpoint": (lambda at, rounds: cut(checkpoint(at, "server", rounds), 0.7), "server/after-000002"),
    "empty checkpoint": (lambda at, rounds: cut(checkpoint(at, "server", rounds), 0), "server/after-000002"),
    "truncated state": (lambda at, rounds: cut(checkpoint(at, "clients/rooms-all", rounds), 0.7), "rooms-all"),
    "missing state": (lambda at, rounds: checkpoint(at, "clients/rooms-all", rounds).unlink(), "rooms-all"),
    "state of another client": (
        lambda at, rounds: shutil.copy(
            checkpoint(at, "clients/figures-sal", rounds), checkpoint(at, "clients/rooms-all", rounds)
        ),
        "rooms-all",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("verb", ["evaluate", "predict", "resume"])
def test_a_broken_file_gives_way_to_the_one_before(command: Command, place: Place, kind: str, verb: str) -> None:
    spoil, expected = BROKEN[kind]
    spoil(place, 2)
    outcome = command(*verb_and_more(place, verb))
    assert outcome.code == 0
    notes = [line for line in outcome.err.splitlines() if line.startswith("fedhca: note: ")]
    assert any(expected in line for line in notes)
    assert notes[-1].endswith("The state after 1 rounds is taken instead.")
    if verb == "resume":
        assert command("evaluate", place.run).err == ""


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("verb", ["evaluate", "predict", "resume"])
def test_where_all_are_broken_there_is_one_line_after_the_notes(
    command: Command, place: Place, kind: str, verb: str
) -> None:
    spoil, expected = BROKEN[kind]
    for rounds in (1, 2):
        spoil(place, rounds)
    outcome = command(*verb_and_more(place, verb))
    *notes, line = outcome.err.splitlines()
    assert outcome.code not in {0, None}
    assert all(each.startswith("fedhca: note: ") for each in notes)
    assert line.startswith("fedhca: ")
    assert expected in line


def test_resuming_with_other_settings(command: Command, place: Place) -> None:
    (place.run / "server" / "after-000002.safetensors").unlink()
    recipe = place.run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("rounds: 2", "rounds: 3"))
    refused(command, ["resume", place.run], "`training.rooms.rounds` is 2 there and 3 here", "another folder")


def test_a_journal_that_is_broken(command: Command, place: Place) -> None:
    journal = place.run / "journal.jsonl"
    journal.write_text("{\n" + journal.read_text())
    refused(command, ["resume", place.run], "journal.jsonl", "line 1")
