"""`fedhca edges`: two folders of pictures in, scores out; bad input is one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import save

from fedhca.edge_detection import benchmark, boundaries_of, thin
from tiny import Command

SHAPE = (40, 60)


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


SPOILT: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no truth": (lambda at: (at / "drawn" / "a.png").unlink(), ["drawn/a.png", "a-1.png"]),
    "no prediction": (lambda at: (at / "found" / "a.png").unlink(), ["drawn/a.png", "prediction"]),
    "another size": (
        lambda at: save(at / "found" / "a.png", drawing(0)[0][:-1]),
        ["found/a.png", "(39, 60)", "(40, 60)"],
    ),
    "colours": (lambda at: save(at / "found" / "a.png", np.zeros((*SHAPE, 3), np.uint8)), ["found/a.png", "RGB"]),
    "16 bits": (lambda at: save(at / "found" / "a.png", np.zeros(SHAPE, np.uint16)), ["found/a.png", "I;16"]),
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
