"""An experiment as one command: its runs, its page, and what is reused."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tiny import RECIPE, Command


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    values = {
        "title": "Tiny, in two columns",
        "settings": {"one": {"small": "tiny.yaml"}},
        "methods": {"alone": "local", "together": "fedavg+decoder_scope=same_task"},
        "reference": "alone",
        "shows": ["table", "gains", "record"],
    }
    YAML().dump(values, path)
    (tmp_path / "tiny.yaml").write_text(RECIPE.read_text())
    return path


def test_an_experiment_is_run_drawn_and_never_run_twice(command: Command, experiment: Path, tmp_path: Path) -> None:
    words = ("experiment", experiment, "rounds=1", "--seeds", "0", "--jobs", "2", "--out", tmp_path / "out")
    listed = command(*words, "--dry-run")
    assert listed.code == 0
    assert "2 runs to do." in listed.out
    assert not (tmp_path / "out").exists()
    found = command(*words)
    assert (found.code, found.err) == (0, "")
    assert "2 of 2 runs done" in found.out
    for file in ("report.html", "table.md", "table.csv", "figures/gains.svg", "figures/gains.png"):
        assert (tmp_path / "out" / "mine" / file).stat().st_size > 0, file
    assert "Δm % ↑ | 0.00 |" in (tmp_path / "out" / "mine" / "table.md").read_text()
    page = (tmp_path / "out" / "mine" / "report.html").read_text()
    assert "Tiny, in two columns" in page
    assert "|  | alone | together |" in (tmp_path / "out" / "mine" / "table.md").read_text()
    again = command(*words)
    assert again.code == 0
    assert "0 runs to go, 2 in all" in again.out
    third = command(*words[:4], "0,1", *words[5:], "--dry-run")
    assert "2 runs to do." in third.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("tabel1",), "fedhca: Unknown experiment 'tabel1': did you mean 'table1'? Known: "),
        (("table1", "--scale", "tiny"), "fedhca: Unknown scale 'tiny': Known: full, small, small-real."),
        (("table1", "--seeds", "0,x"), "fedhca: --seeds should be whole numbers with commas between, such as 0,1,2. "),
        (("table1", "--methods", "fedfoo"), "fedhca: Unknown method of this experiment 'fedfoo': "),
        (("table1", "--track", "tensorbord"), "fedhca: Unknown tracker 'tensorbord': did you mean 'tensorboard'? "),
        (("none.yaml",), "fedhca: Experiment 'none.yaml' is not there. `fedhca ls` lists the embedded ones."),
        (
            ("table1", "rounds=0"),
            "fedhca: Recipe 'synthetic-figures-st-rooms-mt': `rounds` should be a whole number, at least 1 ",
        ),
    ],
)
def test_wrong_words_are_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = command("experiment", *words)
    assert found.code != 0
    assert found.err.startswith(line)
    assert found.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_the_experiments_are_listed(command: Command) -> None:
    found = command("experiment")
    assert found.code == 0
    assert "table1" in found.out
    assert "Fig. 7" in found.out
