"""What TensorBoard reads is what the journal holds."""

import shutil
import struct
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fedhca import FedhcaError, RunFolder
from fedhca.trackers import feeding, scalars

Curves = dict[str, list[tuple[int, float]]]


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.open(Path(shutil.copytree(finished, tmp_path / "run")))


def shown(folder: RunFolder) -> Curves:
    events = EventAccumulator(str(folder.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def expected(folder: RunFolder) -> Curves:
    clients = {client.name: client.tasks for client in folder.recipe.roster}
    curves: Curves = {}
    for line in folder.journal:
        for name, value in scalars(line, clients).items():
            (single,) = struct.unpack("f", struct.pack("f", value))  # event files hold float32
            curves.setdefault(name, []).append((line["round"], single))
    return curves


def write(folder: RunFolder) -> None:
    with feeding(folder, ["tensorboard"]) as catch_up:
        catch_up()


def test_it_reads_what_the_journal_holds(folder: RunFolder) -> None:
    write(folder)
    assert shown(folder) == expected(folder)
    assert len(shown(folder)) > 30


def test_what_is_written_twice_is_there_once(folder: RunFolder) -> None:
    mine = folder.path / "tensorboard" / "notes.txt"
    for _ in range(2):
        write(folder)
        mine.write_text("mine")
        assert shown(folder) == expected(folder)
    assert mine.read_text() == "mine"


def test_its_clock_is_that_of_the_run(folder: RunFolder) -> None:
    clocks = []
    for _ in range(2):
        write(folder)
        events = EventAccumulator(str(folder.path / "tensorboard"))
        events.Reload()
        clocks.append([event.wall_time for event in events.Scalars("seconds/train")])
    assert clocks[0] == clocks[1]
    spent = [sum(line["seconds"].values()) for line in folder.journal]
    assert clocks[0][1] - clocks[0][0] == pytest.approx(spent[1], abs=1e-3)


def test_its_package_may_be_missing(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    with pytest.raises(FedhcaError, match=r"pip install 'fedhca\[tensorboard\]'"):
        write(folder)
    assert not (folder.path / "tensorboard").exists()
