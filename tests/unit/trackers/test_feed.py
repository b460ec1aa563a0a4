"""Trackers are fed from the journal: every line once, whatever happens to them or to the run."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from fedhca import FedhcaError, RunFolder
from fedhca.errors import RecipeError
from fedhca.experiment import journal
from fedhca.trackers import TRACKERS, Write, feeding


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.open(Path(shutil.copytree(finished, tmp_path / "run")))


class Notebook:
    """A tracker that remembers, and that breaks where it is told to."""

    def __init__(self, breaks: str | int = "") -> None:
        self.breaks = breaks
        self.rounds: list[int] = []
        self.open = 0

    @contextmanager
    def __call__(self, folder: RunFolder) -> Iterator[Write]:
        if self.breaks == "opening":
            raise TimeoutError("nobody there")
        self.open += 1
        yield self.write
        self.open -= 1
        if self.breaks == "closing":
            raise OSError("no space")

    def write(self, number: int, values: Mapping[str, float]) -> None:
        if number == self.breaks:
            raise OSError("no space")
        assert values["seconds/train"] > 0
        self.rounds.append(number)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    found = Notebook()
    monkeypatch.setitem(TRACKERS, "notebook", found)
    return found


def test_each_line_once_and_the_rest_at_the_end(folder: RunFolder, notebook: Notebook) -> None:
    path = folder.path / "journal.jsonl"
    lines = folder.journal
    path.unlink()
    with feeding(folder, ["notebook", "notebook"]) as catch_up:
        assert notebook.open == 1
        catch_up()
        assert notebook.rounds == []
        path.touch()
        journal.append(path, lines[0])
        catch_up()
        catch_up()
        assert notebook.rounds == [1]
        journal.append(path, lines[1])
    assert notebook.rounds == [1, 2]
    assert notebook.open == 0


def test_an_interrupted_run_has_what_the_journal_has(folder: RunFolder, notebook: Notebook) -> None:
    with pytest.raises(KeyboardInterrupt), feeding(folder, ["notebook"]):
        raise KeyboardInterrupt
    assert notebook.rounds == [1, 2]


@pytest.mark.parametrize(("breaks", "rounds"), [(1, []), (2, [1]), ("closing", [1, 2])])
def test_a_tracker_that_breaks_is_told_once_and_nothing_else_stops(
    folder: RunFolder, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, breaks: str | int, rounds: list[int]
) -> None:
    other = Notebook()
    monkeypatch.setitem(TRACKERS, "other", other)
    notebook.breaks = breaks
    line = "Tracker 'notebook' stopped.*no space.*--to notebook"
    with pytest.warns(UserWarning, match=line) as told, feeding(folder, ["notebook", "other"]) as catch_up:
        catch_up()
    assert len(told) == 1
    assert notebook.rounds == rounds
    assert other.rounds == [1, 2]


def test_a_tracker_that_does_not_open_is_one_line_before_anything_is_done(
    folder: RunFolder, notebook: Notebook
) -> None:
    notebook.breaks = "opening"
    line = r"Tracker 'notebook' should open\. Found: nobody there"
    with pytest.raises(FedhcaError, match=line), feeding(folder, ["notebook"]):
        pytest.fail("opened")


def test_an_unknown_tracker_is_told_the_nearest(folder: RunFolder) -> None:
    with pytest.raises(RecipeError, match="did you mean 'tensorboard'"), feeding(folder, ["tensorbord"]):
        pytest.fail("opened")


def test_nothing_is_read_for_nobody(folder: RunFolder) -> None:
    (folder.path / "journal.jsonl").write_text("broken\nbroken\n")
    with feeding(folder, []) as catch_up:
        catch_up()
