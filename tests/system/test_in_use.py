"""A run folder in use: no second command writes to it, all that read it go on working."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fedhca import run
from fedhca.errors import RunFolderError
from living import holder
from tiny import RECIPE, Command, encoder, participant


@pytest.fixture
def held(tmp_path: Path, finished: Path) -> Iterator[Path]:
    """A run of which a round is left, while another process holds its folder."""
    folder = Path(shutil.copytree(finished, tmp_path / "fedhca2" / "seed-0"))
    (folder / "recipe.yaml").write_text((folder / "recipe.yaml").read_text().replace("rounds: 2", "rounds: 3"))
    with holder(folder):
        yield folder


@pytest.mark.parametrize(
    "words",
    [
        ["run", RECIPE, "rounds=3", "--out", "RUN"],
        ["run", RECIPE, "rounds=4", "--out", "NEW"],
        ["resume", "RUN"],
        ["resume", "RUN", "--at-once", "2"],
        ["compare", RECIPE, "rounds=3", "--methods", "fedhca2", "--out", "ALL"],
        ["compare", RECIPE, "rounds=3", "--methods", "fedhca2", "--out", "ALL", "--jobs", "2"],
    ],
    ids=lambda words: "-".join(map(str, words[:1] + words[3:])),
)
def test_a_second_command_is_refused_in_one_line(command: Command, held: Path, words: list[object]) -> None:
    new = held.parent / "new"
    shutil.copytree(held, new)
    (new / "journal.jsonl").unlink()
    before = {path: path.read_bytes() for path in held.rglob("*") if path.is_file()}
    with holder(new):
        named = {"RUN": held, "ALL": held.parent.parent, "NEW": new}
        outcome = command(*(named.get(str(word), word) for word in words))
    assert outcome.code == 1
    assert f"{'new' if 'NEW' in words else 'seed-0'}' should not be in use. Found it held by process " in outcome.err
    assert "Traceback" not in outcome.err
    assert before == {path: path.read_bytes() for path in held.rglob("*") if path.is_file()}


def test_what_reads_goes_on(command: Command, held: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(photo)
    for words in (
        ["report", held, "--pictures", "0", "--out", tmp_path / "page"],
        ["evaluate", held],
        ["predict", held, photo, "--client", "figures-sal", "--out", tmp_path / "drawn"],
        ["export", held, "--client", "figures-sal", "--out", tmp_path / "model"],
        ["check", held / "recipe.yaml"],
    ):
        outcome = command(*words)
        assert (outcome.code, outcome.err) == (0, ""), words


def test_so_is_a_loop_of_one_s_own(tmp_path: Path) -> None:
    people = [participant("a", "depth"), participant("b", "edge")]
    with holder(tmp_path), pytest.raises(RunFolderError, match="should not be in use"):
        next(run(people, encoder(), "fedavg", model={"width": 8}, out=tmp_path))
    rounds = run(RECIPE, rounds=2, out=tmp_path / "run")
    next(rounds)
    rounds.close()  # type: ignore[attr-defined]
    with holder(tmp_path / "run"):
        pass
