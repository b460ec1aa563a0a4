import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fedhca import RunFolder
from fedhca.experiment import journal as fedhca_journal
from fedhca.experiment.recipes import embedded
from fedhca.methods import METHODS
from tiny import RECIPE, Command


def test_the_installed_command_runs_in_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    """One real process, the way the README says it; the other tests call the same function in this one."""
    program = Path(sys.executable).with_name("fedhca")
    words = ["run", str(RECIPE), "--set", "rounds=1", "method=fedavg", "--out", "runs/try"]
    done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    # On a slow machine lines of progress come before.
    lines = [line for line in done.stdout.splitlines() if not re.search(r"  round 1/1  \S+ \d+/\d+  ", line)]
    assert lines[0].startswith("fedavg seed 0  round 1/1  mean loss ")
    assert "left 0:00:00" in lines[0]
    assert lines[1] == "fedavg seed 0: 1 rounds done; everything is in runs/try"
    clients = [line.split()[0] for line in lines if "  semseg " in line or "  sal " in line]
    assert clients == ["rooms-all", "figures-sal", "figures-semseg"]
    assert "a page         fedhca report runs/try" in done.stdout
    assert "a prediction   fedhca predict runs/try PICTURE --client rooms-all" in done.stdout
    assert "fedhca export runs/try --client rooms-all" in lines[-1]
    assert (tmp_path / "runs" / "try" / "journal.jsonl").exists()


def test_a_run_stopped_in_between_is_resumed(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["run", RECIPE, "--set", "rounds=3", "--out", tmp_path / "run"]
    append, done = fedhca_journal.append, []

    def stop(path: Path, line: object) -> None:
        append(path, line)  # type: ignore[arg-type]
        done.append(line)
        if len(done) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fedhca_journal, "append", stop)
    outcome = command(*words)
    assert outcome.code == 130
    assert outcome.err == f"fedhca: stopped; to go on: fedhca resume {tmp_path / 'run'}\n"
    monkeypatch.setattr(fedhca_journal, "append", append)
    outcome = command("resume", tmp_path / "run")
    assert outcome.code == 0
    assert [line.split("  ")[1] for line in outcome.out.splitlines() if "  round " in line] == [
        "round 2/3",
        "round 3/3",
    ]
    assert RunFolder.open(tmp_path / "run").finished
    outcome = command("resume", tmp_path / "run")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "fedhca2 seed 0: finished before, nothing to do")


def test_compare_runs_what_is_not_finished_and_writes_one_table(command: Command, tmp_path: Path) -> None:
    words = ["compare", RECIPE, "--methods", "local,fedavg", "--seeds", "0,1", "--out", tmp_path, "rounds=1"]
    first = command(*words)
    assert (first.code, first.err) == (0, "")
    assert first.out.count("round 1/1") == 4
    assert "Δm" in first.out
    assert {path.name for path in tmp_path.iterdir()} == {
        "local",
        "fedavg",
        "table.md",
        "table.csv",
        "predictions-rooms-all.png",
        "predictions-figures-sal.png",
        "predictions-figures-semseg.png",
    }
    assert {path.name for path in (tmp_path / "local").iterdir()} == {"seed-0", "seed-1"}
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 6 + 2 * 2
    assert "±" in (tmp_path / "table.md").read_text()
    written = (tmp_path / "table.csv").read_bytes()
    again = command(*words, "--pictures", "0")
    assert again.out.count("finished before, reused") == 4
    assert "round 1/1" not in again.out
    assert (tmp_path / "table.csv").read_bytes() == written


def test_evaluate_prints_every_metric_with_its_unit(command: Command, finished: Path) -> None:
    outcome = command("evaluate", finished)
    assert (outcome.code, outcome.err) == (0, "")
    assert "After round 2 of 2." in outcome.out
    for client, tasks in RunFolder.open(finished).journal[-1]["metrics"].items():
        for task, value in tasks.items():
            assert any(client in line and task in line and f"{value:.4f}" in line for line in outcome.out.splitlines())
    assert "mIoU %" in outcome.out


def test_predict_draws_beside_the_picture(command: Command, finished: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / f"{name}.jpg")
    pictures = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    outcome = command("predict", finished, *pictures, "--client", "rooms-all", "--out", tmp_path / "out")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [f"Written: {tmp_path / 'out' / f'{name}-rooms-all.png'}" for name in "ab"]
    with Image.open(tmp_path / "out" / "a-rooms-all.png") as sheet:
        assert sheet.width > 5 * sheet.height


def test_check_says_what_a_recipe_would_do(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command("check", RECIPE, "--set", "clients.1.count=2")
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("rooms-all", "figures-sal-2", "4 clients", "0 problems", "MB down"):
        assert word in outcome.out
    assert not list(tmp_path.iterdir())


def test_ls_lists_everything(command: Command) -> None:
    outcome = command("ls")
    assert outcome.code == 0
    for name in (*METHODS, *embedded(), "rooms", "nyud", "human_parts"):
        assert name in outcome.out


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["run", "-h"], ["compare", "--help"], ["predict", "-h"]])
def test_help(command: Command, words: list[object]) -> None:
    outcome = command(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage" in outcome.out


def test_nothing_said_is_help(command: Command) -> None:
    outcome = command()
    assert "compare" in outcome.out
    assert outcome.err == ""


def test_a_share_smaller_than_a_batch_is_one_note(command: Command, tmp_path: Path) -> None:
    outcome = command("run", RECIPE, "--out", tmp_path, "rounds=1", "training.batch_size=7")
    assert outcome.code == 0
    assert [line[:40] for line in outcome.err.splitlines()] == [
        "fedhca: note: Client 'figures-sal' has 6",
        "fedhca: note: Client 'figures-semseg' ha",
    ]


JOBS = str(max(2, os.cpu_count() or 1))
"""As many as there are cores, so that each run has one thread."""


def test_runs_side_by_side_are_the_same_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the last bits of sums hang on the number of threads
    one, two = tmp_path / "one", tmp_path / "two"
    base = [sys.executable, "-m", "fedhca", "compare", str(RECIPE), "--methods", "local,fedavg", "--pictures", "0"]
    done = [subprocess.run([*base, "--out", str(one)], capture_output=True, text=True, check=True)]
    done += [subprocess.run([*base, "--out", str(two), "--jobs", JOBS], capture_output=True, text=True, check=True)]
    assert all("Δm % ↑" in each.stdout for each in done)
    assert "fedavg seed 0  round 2/2" in done[1].stdout
    assert (one / "table.csv").read_bytes() == (two / "table.csv").read_bytes()


def test_version() -> None:
    done = subprocess.run([sys.executable, "-m", "fedhca", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"fedhca \d+\.\d+\.\d+\n", done.stdout)
