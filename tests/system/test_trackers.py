"""`--track` and `fedhca track`: what trackers show is the journal, through interruptions and in several processes."""

import shutil
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fedhca import RunFolder
from fedhca.experiment import journal as fedhca_journal
from tiny import RECIPE, Command


def steps(folder: Path) -> list[int]:
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [event.step for event in events.Scalars("loss/figures-sal/sal")]


@pytest.mark.parametrize("checkpoint_every", [1, 2])
def test_a_resumed_run_has_every_round_once(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint_every: int
) -> None:
    """With a checkpoint every other round, the resumed run makes round 3 again, and its line replaces the old one."""
    words = ["run", RECIPE, "--track", "tensorboard", "--out", tmp_path / "run", "rounds=4", "evaluate_every=4"]
    append, done = fedhca_journal.append, []

    def stop(path: Path, line: object) -> None:
        append(path, line)  # type: ignore[arg-type]
        done.append(line)
        if len(done) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(fedhca_journal, "append", stop)
    assert command(*words, f"checkpoint_every={checkpoint_every}").code == 130
    assert steps(tmp_path / "run") == [1, 2, 3]
    monkeypatch.setattr(fedhca_journal, "append", append)
    assert command("resume", tmp_path / "run", "--track", "tensorboard").code == 0
    assert steps(tmp_path / "run") == [1, 2, 3, 4]
    assert RunFolder.open(tmp_path / "run").finished


def test_finished_runs_are_tracked_at_once(command: Command, finished: Path, tmp_path: Path) -> None:
    runs = [Path(shutil.copytree(finished, tmp_path / name)) for name in ("a", "b")]
    outcome = command("track", *runs)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [f"{run}: 2 rounds to tensorboard" for run in runs]
    assert all(steps(run) == [1, 2] for run in runs)


def test_a_finished_run_is_tracked_by_resume_too(command: Command, finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    assert command("resume", run, "--track", "tensorboard").out.startswith(
        "fedhca2 seed 0: finished before, nothing to do\n"
    )
    assert steps(run) == [1, 2]


@pytest.mark.parametrize(("methods", "jobs"), [(["local", "fedavg"], 1), (["local"], 2)])
def test_compare_tracks_every_run(command: Command, tmp_path: Path, methods: list[str], jobs: int) -> None:
    words = ["compare", RECIPE, "--methods", ",".join(methods), "--jobs", jobs, "--pictures", "0", "rounds=1"]
    outcome = command(*words, "--out", tmp_path, "--track", "tensorboard")
    assert (outcome.code, outcome.err) == (0, "")
    assert [steps(tmp_path / method / "seed-0") for method in methods] == [[1]] * len(methods)


@pytest.mark.parametrize(
    "words",
    [
        ["run", RECIPE, "--out", "run", "--track", "tensorbord"],
        ["resume", "run", "--track", "wandb, tensorbord"],
        ["compare", RECIPE, "--out", "run", "--track", "tensorbord"],
        ["track", "run", "--to", "tensorbord"],
    ],
)
def test_an_unknown_tracker_is_one_line_and_nothing_is_begun(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[object]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command(*words)
    line = "fedhca: Unknown tracker 'tensorbord': did you mean 'tensorboard'? Known: tensorboard, wandb.\n"
    assert (outcome.code, outcome.err, outcome.out) == (1, line, "")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_package_is_one_line_before_training(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    outcome = command("run", RECIPE, "--out", tmp_path / "run", "--track", name)
    mend = f"Install it: pip install 'fedhca[{name}]'"
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"fedhca: Tracker '{name}' needs the package {name}. Found none. {mend}\n"


def test_where_a_tracker_cannot_write_the_run_goes_on_and_track_says_so(
    command: Command, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").write_text("in the way")
    outcome = command("track", Path(shutil.copytree(finished, tmp_path / "run", dirs_exist_ok=True)))
    assert outcome.code == 1
    assert outcome.err.startswith("fedhca: Tracker 'tensorboard' should open. Found: ")
    assert outcome.err.count("\n") == 1
