"""Kill a run (-9) at random moments, resume it each time, and compare it with one that was never killed.

    PYTHONPATH=tests python tests/torture/kill.py [--kills 20] [--alter] [--seed 0] [--recipe FILE] [--set KEY=VALUE …]

Every third kill comes after a random time, the others while a file is flushed to the disk, whose end is then cut off
as a crash would, or within a phase of the run: training, aggregation, evaluation, saving, writing the journal, making
a report. With --alter a byte of the newest state, of the server or of a client, is turned over now and then, or its end
cut off, and the run has to go back to the state before. The last line says whether all tensors of the server and of
every client, and the journal but for its clock times, are the same to the last bit. A life is a forked process that
runs the command itself, so that its time goes into the run and not into imports.
"""

import argparse
import json
import os
import random
import signal
import stat
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

import fedhca.cli.screen
import fedhca.report.page
from fedhca import cli, load_recipe
from fedhca.experiment.build import build_encoder
from fedhca.storage.tensor_file import load_tensors
from tally import tally

RECIPE = Path(__file__).parents[1] / "system" / "tiny.yaml"
ROUNDS_EACH = 3
"""Rounds of the run for every kill; about one is done between two of them, more where the machine's load changes."""
FLUSHES = 12
"""About as many files and folders as a round of the tiny recipe flushes, and a start."""
TORN = 40
"""Bytes cut off the file that is being written: less than the last line of a journal."""
PHASES = {
    "training": ("fedhca.client.client", "Client", "train", 0.2),
    "aggregation": ("fedhca.server.rounds", "", "step", 0.01),
    "evaluation": ("fedhca.client.client", "Client", "evaluate", 0.1),
    "saving a client": ("fedhca.storage.state_folder", "StateFolder", "save", 0.01),
    "saving the server": ("fedhca.experiment.drive", "", "save_checkpoint", 0.01),
    "writing the journal": ("fedhca.experiment.journal", "", "append", 0.005),
}
"""What is done in each phase, and about how many seconds it takes."""
REPORT = "making a report"


def main() -> int:
    options = _options()
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    _load_everything()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        rounds = ROUNDS_EACH * options.kills + 2
        words = [str(options.recipe), "--set", f"rounds={rounds}", *options.set]
        whole, broken = place / "whole", place / "broken"
        live(["run", *words, "--set", "rounds=1", "--out", str(place / "first")]).wait()  # which compiles, and caches
        began = time.perf_counter()
        live(["run", *words, "--out", str(whole)]).wait()
        if not (whole / "journal.jsonl").exists():
            return 1
        clock = Clock.of(whole, time.perf_counter() - began)
        print(f"never killed: {rounds} rounds, {clock.start:.2f} s to start, {clock.round:.2f} s a round")
        history = History(broken, draw, clock, options.alter, options.kills)
        for line in history.unfold(words):
            print(line, flush=True)
        code = live(["resume", str(broken)]).wait()
        found = differences(whole, broken) or ([f"the last life ended with {code}"] if code else [])
    for line in found[:20]:
        print(line)
    print("; ".join(f"{phase} {count}" for phase, count in sorted(history.phases.items())))
    kills, altered = sum(history.phases.values()), f", files altered {history.altered}" if options.alter else ""
    print(f"kills {kills}, resumed {kills}{altered}, bits equal: {'no' if found else 'yes'}")
    tally("survived", 0 if found else kills)
    return 1 if found or kills < options.kills else 0


@dataclass
class History:
    """Lives of one run, each ended before its time.

    Attributes:
        folder: of the run.
        draw: what is random.
        clock: how long things take.
        alters: whether files are altered.
        kills: how many there are to be.
        phases: how many lives ended in which.
        altered: how many files were.
        before: round of the server when the last was.

    """

    folder: Path
    draw: random.Random
    clock: "Clock"
    alters: bool
    kills: int
    phases: Counter[str] = field(default_factory=Counter)
    altered: int = 0
    before: int = 0

    def unfold(self, words: list[str]) -> Iterator[str]:
        """Live and die until there were so many kills, or the run is done."""
        turn = 0
        while sum(self.phases.values()) < self.kills:
            begun = (self.folder / "recipe.yaml").exists()
            command = ["resume", str(self.folder)] if begun else ["run", *words, "--out", str(self.folder)]
            phase = ["any moment", "a flush", self.draw.choice([*PHASES, REPORT])][turn % 3]
            turn += 1
            if phase == REPORT:
                if not self._dies_reporting():
                    continue
            elif not self._dies(command, phase):
                return
            self.phases[phase] += 1
            tally("kills")
            yield f"kill {sum(self.phases.values())} ({phase}): {_state(self.folder)}{self._alter()}"

    def _dies(self, command: list[str], phase: str) -> bool:
        """Live one life and end it; False if the run was done before."""
        if phase == "any moment":
            life = live(command)
            time.sleep(self.draw.uniform(0, self.clock.start + 1.5 * self.clock.round * self._pace()))
            os.kill(life.pid, signal.SIGKILL)
            return life.wait() == -signal.SIGKILL
        if phase == "a flush":
            flush = self.draw.randint(1, FLUSHES)
            return live(command, lambda: _die_at(flush)).wait() == -signal.SIGKILL
        count, share = self.draw.randint(1, 4), self.draw.uniform(0, 1.2)
        return live(command, lambda: _die_within(phase, count, share)).wait() == -signal.SIGKILL

    def _pace(self) -> float:
        """Return the share of a usual life at which all kills come to pass before the run is done."""
        journal = self.folder / "journal.jsonl"
        left = self.clock.rounds - (journal.read_bytes().count(b"\n") if journal.exists() else 0)
        return min(1.0, left / (2 * (self.kills - sum(self.phases.values()))))

    def _dies_reporting(self) -> bool:
        """Kill a report in the making; False if there is nothing to report yet. What is there of its page is whole."""
        if not (self.folder / "journal.jsonl").exists():
            return False
        life = live(["report", str(self.folder)])
        time.sleep(self.draw.uniform(0, 1.5))
        os.kill(life.pid, signal.SIGKILL)
        life.wait()
        pages = [page.read_text() for page in self.folder.rglob("*.html") if not page.name.startswith(".")]
        assert all(page.rstrip().endswith("</html>") for page in pages)
        return True

    def _alter(self) -> str:
        """Turn over a byte of a newest state, or cut off its end, where there is one before it to go back to."""
        owners = [self.folder / "server", *sorted((self.folder / "clients").glob("*"))]
        newest = [sorted(owner.glob("after-*"))[-1] for owner in owners if len([*owner.glob("after-*")]) > 1]
        saved = sorted((self.folder / "server").glob("after-*"))
        if not self.alters or len(saved) < 2 or int(saved[-1].stem[-6:]) < self.before + 2:
            return ""
        path = self.draw.choice(newest)
        content = bytearray(path.read_bytes())
        place = self.draw.randrange(len(content))
        if self.draw.random() < 0.3:
            path.write_bytes(content[:place])
        else:
            content[place] ^= 1 << self.draw.randrange(8)
            path.write_bytes(content)
        self.altered, self.before = self.altered + 1, int(saved[-1].stem[-6:])
        return f"; altered {path.relative_to(self.folder)}"


@dataclass(frozen=True)
class Clock:
    """Seconds that a run takes to start, and a round; and how many it has."""

    start: float
    round: float
    rounds: int

    @classmethod
    def of(cls, folder: Path, seconds: float) -> "Clock":
        lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
        rounds = [sum(line["seconds"].values()) for line in lines]
        return cls(max(0.0, seconds - sum(rounds)), sum(rounds) / len(rounds), len(rounds))


@dataclass(frozen=True)
class Life:
    """A process that runs the command."""

    pid: int

    def wait(self) -> int:
        """Return its exit code, or minus the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _load_everything() -> None:
    """Import here, once, what each life would; without a backward pass, after which torch cannot be forked."""
    build_encoder(load_recipe(RECIPE))
    torch.optim.AdamW([torch.zeros(1)])
    assert fedhca.cli.screen
    assert fedhca.report.page


def live(words: list[str], before: Callable[[], None] = lambda: None) -> Life:
    """Run `fedhca` in a forked process."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Life(pid)
    code: object = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        before()
        sys.argv = ["fedhca", *words]
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        os._exit(code if isinstance(code, int) else 1)


def _die_within(phase: str, count: int, share: float) -> None:
    """Have this process die the so-manieth time that it comes to a phase, after a share of its time, or at its end."""
    module, owner, name, usual = PHASES[phase]
    place: Any = getattr(import_module(module), owner) if owner else import_module(module)
    left, real = count, getattr(place, name)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def phased(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left:
            return real(*arguments, **options)
        threading.Timer(share * usual, die).start()
        try:
            return real(*arguments, **options)
        finally:
            die()

    setattr(place, name, phased)


def _die_at(flush: int) -> None:
    """Have this process die at its so-manieth flush, with the end of the file not yet on the disk."""
    left, real = flush, os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                os.ftruncate(descriptor, max(0, status.st_size - TORN))
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    setattr(os, "fsync", fsync)  # noqa: B010  a plain assignment does not pass the type checker


def _state(folder: Path) -> str:
    saved = sorted(path.stem for path in (folder / "server").glob("after-*"))
    ahead = {int(path.stem[-6:]) for path in folder.glob("clients/*/after-*")}
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
    server = int(saved[-1][-6:]) if saved else 0
    return f"journal {lines} rounds, server {server}, clients up to {max(ahead, default=0)}"


def differences(one: Path, other: Path) -> list[str]:
    """Return what differs between two run folders, one line each."""
    found = []
    names = [{str(path.relative_to(each)) for path in each.rglob("after-*.safetensors")} for each in (one, other)]
    found += [f"{name}: in one folder only" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        mine, theirs = (load_tensors(each / name) for each in (one, other))
        if mine[1] != theirs[1] or mine[0].keys() != theirs[0].keys():
            found.append(f"{name}: other names")
            continue
        found += [f"{name}: {key}" for key in mine[0] if not _same(mine[0][key], theirs[0][key])]
    lines = [[json.loads(line) for line in (each / "journal.jsonl").read_text().splitlines()] for each in (one, other)]
    if len(lines[0]) != len(lines[1]):
        found.append(f"journal: {len(lines[0])} and {len(lines[1])} rounds")
    for mine_line, their_line in zip(*lines, strict=False):
        for key in mine_line.keys() | their_line.keys():
            if key not in {"seconds", "clients"} and mine_line.get(key) != their_line.get(key):
                found.append(f"journal, round {mine_line['round']}: {key}")
    return found


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.numpy().tobytes() == other.numpy().tobytes()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--alter", action="store_true")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
