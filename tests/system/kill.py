"""Kill a run (-9) at random moments, resume it each time, and compare it with one that was never killed.

    python tests/system/kill.py [--kills 20] [--recipe tests/system/tiny.yaml] [--set KEY=VALUE …] [--seed 0]

Every second kill comes after a random time, the others while a file is flushed to the disk, whose end is then cut off
as a crash would. The last line says whether all tensors of the server and of every client, and the journal but for its
clock times, are the same to the last bit. A life is a forked process that runs the command itself, so that its time
goes into the run and not into imports.
"""

import argparse
import json
import os
import random
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

import fedhca.screen
from fedhca import cli, load_recipe
from fedhca.experiment.build import build_encoder
from fedhca.tensor_file import load_tensors

FLUSHES = 12
"""About as many files and folders as a round of the tiny recipe flushes, and a start."""
TORN = 40
"""Bytes cut off the file that is being written: less than the last line of a journal."""


def main() -> int:
    options = _options()
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    _load_everything()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        rounds = options.kills + 2  # a life takes about a round: kills come to pass before the run is done
        words = [str(options.recipe), "--set", f"rounds={rounds}", *options.set]
        whole, broken = place / "whole", place / "broken"
        began = time.perf_counter()
        live(["run", *words, "--out", str(whole)]).wait()
        if not (whole / "journal.jsonl").exists():
            return 1
        clock = Clock.of(whole, time.perf_counter() - began)
        print(f"never killed: {rounds} rounds, {clock.start:.2f} s to start, {clock.round:.2f} s a round")
        kills = lives = 0
        while kills < options.kills:
            command = (
                ["resume", str(broken)] if (broken / "recipe.yaml").exists() else ["run", *words, "--out", str(broken)]
            )
            lives += 1
            if not _kill(command, kills, draw, clock):
                break
            kills += 1
            print(f"kill {kills}: {_state(broken)}", flush=True)
        resumed = lives - (kills < options.kills)
        live(["resume", str(broken)]).wait()
        found = differences(whole, broken)
    for line in found[:20]:
        print(line)
    print(f"kills {kills}, resumed {resumed}, bits equal: {'no' if found else 'yes'}")
    return 1 if found or kills < options.kills else 0


@dataclass(frozen=True)
class Clock:
    """Seconds that a run takes to start, and a round."""

    start: float
    round: float

    @classmethod
    def of(cls, folder: Path, seconds: float) -> "Clock":
        lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
        rounds = [sum(line["seconds"].values()) for line in lines]
        return cls(max(0.0, seconds - sum(rounds)), sum(rounds) / len(rounds))


@dataclass(frozen=True)
class Life:
    """A process that runs the command."""

    pid: int

    def wait(self) -> int:
        """Return its exit code, or minus the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _load_everything() -> None:
    """Import here, once, what each life would; without a backward pass, after which torch cannot be forked."""
    build_encoder(load_recipe(Path(__file__).with_name("tiny.yaml")))
    torch.optim.AdamW([torch.zeros(1)])
    assert fedhca.screen


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


def _kill(words: list[str], number: int, draw: random.Random, clock: Clock) -> bool:
    """Live one life and end it; False if it had finished before."""
    if number % 2:
        flush = draw.randint(1, FLUSHES)
        return live(words, lambda: _die_at(flush)).wait() == -signal.SIGKILL
    life = live(words)
    time.sleep(draw.uniform(0, clock.start + 1.5 * clock.round))
    os.kill(life.pid, signal.SIGKILL)
    return life.wait() == -signal.SIGKILL


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
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_name("tiny.yaml"))
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
