"""`fedhca edges`: two folders of pictures in, scores out; bad input is one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import save
from PIL import Image

from fedhca.edge_detection import benchmark, boundaries_of, thin
from tiny import Command

SHAPE = (40, 60)
COLOURS = np.resize(np.array([1, 0], np.uint8), (*SHAPE, 3))


def drawing(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy edge map and the boundaries it is of, both with 8 bits."""
    draw = np.random.default_rng(seed)
    regions = draw.integers(0, 3, (4, 4)).repeat(10, 0).repeat(15, 1)
    truth = thin(boundaries_of(regions))
    return (draw.integers(0, 100, SHAPE) + 150 * truth).astype(np.uint8), 255 * truth.astype(np.uint8)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for number, name in enumerate(("a", "b-1")):
        edge_map, truth = drawing(number)
        save(tmp_path / "found" / f"{name}.png", edge_map)
        save(tmp_path / "drawn" / f"{name}.png", truth)
    return tmp_path


def run(command: Command, place: Path, *words: object) -> str:
    outcome = command("edges", place / "found", place / "drawn", *words)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def test_the_scores_are_those_of_the_function(command: Command, place: Path) -> None:
    maps, truths = zip(drawing(0), drawing(1), strict=True)
    scores = benchmark(maps, truths, max_dist=0.02)
    out = run(command, place, "--max-dist", 0.02)
    for value in (f"{scores.ods:.4f}", f"{scores.ods_threshold:.2f}", f"{scores.ois:.4f}", f"{scores.ap:.4f}"):
        assert value in out
    assert "2 pictures, max_dist 0.02" in out
    found = json.loads(run(command, place, "--max-dist", 0.02, "--json", "--jobs", 2))
    assert found["ods"] == scores.ods
    assert found["recall"] == scores.recall.tolist()
    assert len(found["thresholds"]) == len(found["precision"]) == 99


def test_suppression_can_be_left_out(command: Command, place: Path) -> None:
    maps, truths = zip(drawing(0), drawing(1), strict=True)
    found = json.loads(run(command, place, "--no-suppress", "--json"))
    assert found["ods"] == benchmark(maps, truths, suppress=False).ods
    assert found["ods"] != json.loads(run(command, place, "--json"))["ods"]


def test_truths_of_several_annotators_have_numbers(command: Command, place: Path) -> None:
    (place / "drawn" / "a.png").unlink()
    several = [drawing(0)[1], np.roll(drawing(0)[1], 3, axis=1)]
    for number, truth in enumerate(several, start=1):
        save(place / "drawn" / f"a-{number}.png", truth)
    expected = benchmark([drawing(0)[0], drawing(1)[0]], [several, drawing(1)[1]])
    assert json.loads(run(command, place, "--json"))["ods"] == expected.ods


def ods(command: Command, place: Path) -> float:
    return json.loads(run(command, place, "--json"))["ods"]


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "LA"])
def test_a_truth_is_the_same_in_whatever_mode_it_was_saved(command: Command, place: Path, mode: str) -> None:
    before = ods(command, place)
    for path in (place / "drawn").iterdir():
        truth = Image.open(path)
        (truth.quantize(2) if mode == "P" else truth.convert(mode)).save(path)
    assert ods(command, place) == before


def test_a_prediction_with_a_palette_is_its_greys(command: Command, place: Path) -> None:
    before = ods(command, place)
    for path in (place / "found").iterdir():
        values = np.array(Image.open(path))
        turned = Image.fromarray(255 - values)
        turned.putpalette([255 - index // 3 for index in range(768)])
        turned.save(path)
    assert ods(command, place) == before


def test_names_that_macos_took_apart_and_files_that_it_hides(command: Command, place: Path) -> None:
    before = ods(command, place)
    for folder, name in (("found", "e\u0301.png"), ("drawn", "\u00e9.png")):
        (place / folder / "a.png").rename(place / folder / name)
        (place / folder / f"._{name}").write_bytes(b"\0\5\x16\7")
    assert ods(command, place) == before


DOUBTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], list[str]]] = {
    "0 and 1": ("found", lambda values: values // 150, ["no value above 1", "multiply them by 255"]),
    "inverted": ("found", lambda values: 255 - values, ["white on black", "invert them"]),
    "inverted truths": ("drawn", lambda values: 255 - values, ["Truths", "invert them"]),
}


@pytest.mark.parametrize("kind", DOUBTS)
def test_values_that_mean_something_else_are_said_and_what_is_said_to_do_helps(
    command: Command, place: Path, kind: str
) -> None:
    folder, spoil, words = DOUBTS[kind]
    for path in (place / folder).iterdir():
        save(path, spoil(np.array(Image.open(path))))
    outcome = command("edges", place / "found", place / "drawn", "--json")
    (line,) = outcome.err.splitlines()
    assert outcome.code == 0
    assert all(word in line for word in words), line
    for path in (place / folder).iterdir():
        values = np.array(Image.open(path))
        save(path, values * np.uint8(255) if kind == "0 and 1" else 255 - values)
    assert ods(command, place) > json.loads(outcome.out)["ods"]


SPOILT: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no truth": (lambda at: (at / "drawn" / "a.png").unlink(), ["drawn/a.png", "a-1.png"]),
    "no prediction": (lambda at: (at / "found" / "a.png").unlink(), ["drawn/a.png", "prediction"]),
    "another size": (
        lambda at: save(at / "found" / "a.png", drawing(0)[0][:-1]),
        ["found/a.png", "(39, 60)", "(40, 60)"],
    ),
    "colours": (lambda at: save(at / "found" / "a.png", COLOURS), ["found/a.png", "3 channels"]),
    "16 bits": (lambda at: save(at / "found" / "a.png", np.zeros(SHAPE, np.uint16)), ["found/a.png", "uint16"]),
    "a JPEG": (lambda at: Image.fromarray(drawing(0)[1]).save(at / "drawn" / "a.png", "JPEG"), ["drawn/a.png", "JPEG"]),
    "twice": (lambda at: save(at / "found" / "a.PNG", drawing(0)[0]), ["a.png", "a.PNG"]),
    "text": (lambda at: (at / "drawn" / "a.png").write_text("hello"), ["drawn/a.png", "cannot be read"]),
    "cut short": (
        lambda at: (at / "found" / "a.png").write_bytes((at / "found" / "a.png").read_bytes()[:200]),
        ["found/a.png", "cannot be read"],
    ),
    "empty file": (lambda at: (at / "found" / "a.png").write_bytes(b""), ["found/a.png", "cannot be read"]),
}
WORDS: dict[str, tuple[list[object], list[str]]] = {
    "no folder": (["none", "drawn"], ["none", "expected a folder"]),
    "a file": (["found/a.png", "drawn"], ["a.png", "expected a folder"]),
    "no pictures": ([".", "drawn"], ["expected PNG pictures"]),
    "a distance too far": (["found", "drawn", "--max-dist", 2], ["`max_dist`", "2.0"]),
    "no distance": (["found", "drawn", "--max-dist", "far"], ["--max-dist", "'far'", "fedhca edges -h"]),
    "no jobs": (["found", "drawn", "--jobs", 0], ["`jobs`"]),
    "no truths": (["found"], ["truths", "fedhca edges -h"]),
}


def refused(command: Command, words: list[object], expected: list[str]) -> None:
    outcome = command("edges", *words)
    assert outcome.code not in {0, None}
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    for word in expected:
        assert word.lower() in line.lower(), line


@pytest.mark.parametrize("kind", SPOILT)
def test_spoilt_pictures(command: Command, place: Path, kind: str) -> None:
    spoil, expected = SPOILT[kind]
    spoil(place)
    refused(command, [place / "found", place / "drawn"], expected)


@pytest.mark.parametrize("kind", WORDS)
def test_words_that_are_wrong(command: Command, place: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    refused(command, *WORDS[kind])
