"""Real signals to real processes: what they leave, what they say, and that nothing goes on without them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fedhca import RunFolder
from fedhca.experiment.checkpoint import load_checkpoint
from fedhca.experiment.drive import CHECKPOINTS
from living import parents, started_by
from tiny import RECIPE

LONG = ["rounds=400", "evaluate_every=400"]


def as_at_a_terminal() -> None:
    """Heed signals, even where the tests run in the background of a shell, which has all that it starts ignore some."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Life:
    """A command in a process of its own, and all it started, which bear its mark."""

    words: Sequence[object]
    place: Path
    ignored: Sequence[int] = ()
    mark: str = field(default_factory=lambda: f"LIFE={os.getpid()}-{time.time_ns()}")

    def __post_init__(self) -> None:
        name, value = self.mark.split("=")
        environment = {**os.environ, name: value, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        with (self.place / "out").open("w") as out, (self.place / "err").open("w") as err:
            # A shell that ignores a signal has those it starts ignore it, too.
            ignoring = "".join(f"trap '' {number}; " for number in map(int, self.ignored)) + 'exec "$@"'
            command = ["sh", "-c", ignoring, "sh", sys.executable, "-m", "fedhca", *map(str, self.words)]
            self.process = subprocess.Popen(
                command,
                cwd=self.place,
                env=environment,
                stdout=out,
                stderr=err,
                preexec_fn=as_at_a_terminal,  # noqa: PLW1509  no threads here
            )

    def until(self, word: str) -> None:
        deadline = time.monotonic() + 120
        while word not in (self.place / "out").read_text():
            assert self.process.poll() is None, (self.place / "err").read_text()
            assert time.monotonic() < deadline, f"waited for {word}"
            time.sleep(0.02)

    def end(self, *signals: int) -> tuple[int, str]:
        """Send signals; return the exit code and what stands on standard error, once nothing is left."""
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.02)
        code = self.process.wait(60)
        deadline = time.monotonic() + 10
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.left() == []
        return code, (self.place / "err").read_text()

    def left(self) -> list[str]:
        found = []
        for path in (Path("/proc", str(number)) for number in parents()):
            try:
                if self.mark.encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_text())
            except OSError:
                continue
        return found


pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_run_stops_with_the_command_that_goes_on(tmp_path: Path, number: int, code: int) -> None:
    life = Life(["run", RECIPE, *LONG, "--out", "my run"], tmp_path)
    life.until("round 2/")
    assert life.end(number) == (code, "fedhca: stopped; to go on: fedhca resume 'my run'\n")
    folder = RunFolder.open(tmp_path / "my run")
    saved = load_checkpoint(folder.path / CHECKPOINTS)
    assert saved is not None
    assert len(folder.journal) >= saved.state.round >= 2
    assert not list(folder.path.rglob("*.tmp*"))


def test_before_there_is_anything_to_go_on_with_it_just_stops(tmp_path: Path) -> None:
    life = Life(["run", RECIPE, *LONG, "--out", "run"], tmp_path)
    time.sleep(0.5)
    code, said = life.end(signal.SIGINT)
    assert code in {130, -signal.SIGINT}  # Python itself, before the command is there
    assert said in {"fedhca: stopped\n", "fedhca: stopped; to go on: fedhca resume run\n"} or code < 0


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGKILL]])
def test_runs_side_by_side_end_with_their_command(tmp_path: Path, signals: list[int]) -> None:
    words = ["compare", str(RECIPE), *LONG, "--methods", "local,fedavg", "--jobs", "2", "--out", "runs"]
    life = Life(words, tmp_path)
    life.until("round 1/")
    code, said = life.end(*signals)
    if len(signals) == 1 and signals != [signal.SIGKILL]:
        assert code == 128 + signals[0]
        assert said == f"fedhca: stopped; to go on: fedhca {' '.join(words)}\n"


def killed(life: Life) -> int:
    """Kill the first process that a command started, and return how many it had started."""
    while not (numbers := started_by(life.process.pid)):
        assert life.process.poll() is None
        time.sleep(0.02)
    os.kill(min(numbers), signal.SIGKILL)
    return len(numbers)


def test_a_killed_process_that_loads_data_is_one_line_and_the_run_goes_on_later(tmp_path: Path) -> None:
    life = Life(["run", RECIPE, *LONG, "training.workers=2", "--out", "run"], tmp_path)
    life.until("round 2/")
    assert killed(life)
    code, said = life.end()
    assert (code, said.count("\n")) == (1, 1)
    assert "A process that loads data should stay alive. Found it killed" in said
    rounds = len(RunFolder.open(tmp_path / "run").journal)
    again = Life(["resume", "run"], tmp_path)
    again.until(f"round {rounds + 1}/")
    assert again.end(signal.SIGTERM)[0] == 143


def test_a_killed_run_among_several_is_named(tmp_path: Path) -> None:
    life = Life(["compare", RECIPE, *LONG, "--methods", "local,fedavg", "--jobs", "2", "--out", "all"], tmp_path)
    life.until("round 2/")
    for number in started_by(life.process.pid):
        if b"resume" in Path(f"/proc/{number}/cmdline").read_bytes():
            os.kill(number, signal.SIGKILL)
    code, said = life.end()
    assert code == 1
    assert len(re.findall(r"^fedhca: all/.*/seed-0: the run's process was killed, .* Lower --jobs", said, re.M)) == 2


def test_the_second_time_it_leaves_at_once(tmp_path: Path) -> None:
    life = Life(["run", RECIPE, *LONG, "--out", "run"], tmp_path)
    life.until("round 1/")
    began = time.monotonic()
    code, _ = life.end(signal.SIGINT, signal.SIGINT)
    assert code in {130, -signal.SIGINT}
    assert time.monotonic() - began < 10


def test_what_is_to_be_ignored_stays_ignored(tmp_path: Path) -> None:
    life = Life(["run", RECIPE, *LONG, "--out", "run"], tmp_path, ignored=[signal.SIGHUP])  # as nohup does
    life.until("round 1/")
    life.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert life.process.poll() is None
    life.end(signal.SIGTERM)
