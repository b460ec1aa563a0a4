"""Provokes each fault for real, on an engine, and prints what is seen: `python examples/faults.py flare` or `flower`.

A server and two sites run as processes of their own on this machine. One of the sites loads faulty/sitecustomize.py,
which makes its answers go wrong as a plan says; processes are killed by their number.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from fedhca.engines.events import events
from fedhca.experiment import journal
from fedhca.storage.tensor_file import load_tensors

SITES = {"uni": "rooms-all+figures-sal", "lab": "figures-semseg"}
TINY = Path(__file__).parent.parent / "tests" / "system" / "tiny.yaml"
FAULTS = ["error", "late", "not finite", "wrong layout", "wrong round", "a field too many", "another's name"]
WORKERS = {"flare": "client.worker_process", "flower": "fedhca.engines.flower.clientapp"}
SERVERS = {"flare": "private.fed.app.server.server_train", "flower": "fedhca.engines.flower.superlink"}
PORT = {"flare": 18301, "flower": 18401}
FAST = {**os.environ, "OMP_NUM_THREADS": "1"}


class Stage:
    """A federation on this machine, whose site `lab` can be made to misbehave."""

    def __init__(self, engine: str) -> None:
        self.engine, self.here = engine, Path("runs", "faults", engine).resolve()
        shutil.rmtree(self.here, ignore_errors=True)
        self.here.mkdir(parents=True)
        self.plan = self.here / "plan.json"
        self.behave({})
        sites = ",".join(f"{site}={clients}" for site, clients in SITES.items())
        self.make("federation", sites)
        for site in SITES:
            self.done("site", "init", f"federation/kits/{site}.zip")

    def make(self, name: str, sites: str) -> None:
        """Make a federation."""
        words = ["--engine", self.engine, "--port", str(PORT[self.engine]), "--out", name]
        self.done("server", "init", str(TINY), *words, "--sites", sites)

    def behave(self, plan: Mapping[int, str]) -> None:
        """Say what goes wrong in which round."""
        self.plan.write_text(json.dumps(plan))

    def done(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(self.words(*words), cwd=self.here, env=FAST, capture_output=True, text=True, check=False)

    def words(self, *words: str) -> list[str]:
        """Return a command."""
        return [sys.executable, "-m", "fedhca", *words]

    def start(self, *words: str, console: str) -> subprocess.Popen[str]:
        """Start a command that stays, in a group of its own."""
        path = os.pathsep.join([str(Path(__file__).parent / "faulty"), os.environ.get("PYTHONPATH", "")])
        lab = {"FAULTS": str(self.plan), "PYTHONPATH": path}
        more = lab if words[-1].startswith("lab") else {}
        file = (self.here / console).open("w")
        return subprocess.Popen(
            self.words(*words), cwd=self.here, env={**FAST, **more}, stdout=file, stderr=file, text=True
        )

    def processes(self, *words: str) -> list[int]:
        """Return the numbers of processes whose command, or folder, has these words."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and int(folder.name) != os.getpid():
                try:
                    seen = (folder / "cmdline").read_text() + str((folder / "cwd").readlink())
                except OSError:
                    continue
                if all(word in seen for word in words):
                    found.append(int(folder.name))
        return found

    def kill(self, *words: str) -> None:
        """Kill -9 all processes with these words."""
        found = self.processes(*words)
        if not found:
            raise ProcessLookupError(f"There is no process of {words} to kill.")
        for number in found:
            os.kill(number, signal.SIGKILL)

    def run_folder(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.here / "federation" / "runs" / name

    def rounds(self, name: str) -> int:
        """Return how many rounds a run has done."""
        return len(journal.read_lines(self.run_folder(name) / "journal.jsonl"))

    @contextmanager
    def running(self, name: str, *changes: str) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on beside; printed to NAME.txt."""
        changes = ("evaluate_every=9", *changes)
        driver = self.start("server", "run", "--name", name, "--set", *changes, console=f"{name}.txt")
        yield driver
        driver.wait(600)

    def near(self, name: str, *changes: str) -> bool:
        """Tell whether a run ended with the bits of the run in one process."""
        out = self.here / f"near-{name}"
        self.done("run", "federation/recipe.yaml", "evaluate_every=9", *changes, "--out", str(out))
        one, other = (
            load_tensors(max((folder / "server").glob("after-*")))[0] for folder in (out, self.run_folder(name))
        )
        return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)

    def said(self, console: str) -> list[str]:
        """Return the lines of a console."""
        return [line.strip() for line in (self.here / console).read_text().splitlines() if line.strip()]


def until(true: Callable[[], object], limit: float = 300.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + limit
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"This did not come true within {limit:g} seconds.")
        time.sleep(0.2)


def show(title: str, *lines: str) -> None:
    """Print what was seen."""
    print(f"\n## {title}", *(f"    {line}" for line in lines), sep="\n", flush=True)


def answers_of_no_use(stage: Stage) -> None:
    """Every kind of answer of no use, one a round, under `keep`."""
    stage.behave(dict(enumerate(FAULTS, 1)))
    with stage.running("keep", "rounds=9", "on_missing=keep", "timeout=30"):
        pass
    stage.behave({})
    faults = [f"round {place}: {fault}: " for place, fault in enumerate(FAULTS, 2)]
    lines = journal.read_lines(stage.run_folder("keep") / "journal.jsonl")
    missing = [line.get("missing", {}).get("train", {}).get("figures-semseg", "") for line in lines[1:8]]
    lines_seen = [fault + cause for fault, cause in zip(faults, missing, strict=False)]
    show("answers of no use, under keep", *lines_seen, stage.said("keep.txt")[-2])


def stops(stage: Stage) -> None:
    """An error at a site under `fail`: one line, and the run goes on after it."""
    stage.behave({1: "error"})
    with stage.running("fail", "rounds=3") as driver:
        pass
    stage.behave({})
    resumed = stage.done("server", "resume", "fail")
    again = f"resume: exit {resumed.returncode}, same bits: {stage.near('fail', 'rounds=3')}"
    show("an error, under fail", f"exit {driver.returncode}", stage.said("fail.txt")[-1], again)


def dies(stage: Stage, what: str, *words: str) -> None:
    """A process dies after the first round, while `lab` works."""
    name = what.replace(" ", "-").replace("'", "")
    stage.behave({1: "late"})
    with stage.running(name, "rounds=3"):
        until(lambda: stage.rounds(name) >= 1)
        time.sleep(6)
        stage.behave({})
        began, before = time.monotonic(), len(events(stage.run_folder(name)))
        stage.kill(*words)
        until(lambda: any(each["what"] == "begun" for each in events(stage.run_folder(name), before)))
        lost = time.monotonic() - began
    same = f"same bits: {stage.near(name, 'rounds=3')}"
    show(f"{what} killed", f"next job began after {lost:.0f} s", *stage.said(f"{name}.txt"), same)


def goes_away(stage: Stage, policy: str) -> None:
    """A site's machine is gone for half a minute: every process of it is killed, and it is started again."""
    name = f"gone-{policy}"
    stage.behave({1: "late"})
    with stage.running(name, "rounds=4", f"on_missing={policy}", "timeout=60"):
        until(lambda: stage.rounds(name) >= 1)
        time.sleep(6)
        stage.behave({})
        stage.kill("site", "start", "lab")
        until(lambda: not stage.processes(str(stage.here / "lab")), 10)  # nothing outlives it
        time.sleep(30)
        stage.start("site", "start", "lab", console="lab.txt")
    lines = journal.read_lines(stage.run_folder(name) / "journal.jsonl")
    missing = [f"round {line['round']}: {line['missing']}" for line in lines if line.get("missing")]
    same = f"same bits: {stage.near(name, 'rounds=4')}"
    show(f"a site's machine gone for 30 s, under {policy}", *stage.said(f"{name}.txt"), *missing, same)


def strangers(stage: Stage) -> None:
    """A site of another federation, a second copy of a site, and a site that says it hosts another's client."""
    sites = ",".join(f"{site}={clients}" for site, clients in SITES.items())
    stage.make("other", sites)
    stage.done("site", "init", "other/kits/lab.zip", "--out", "stranger")
    shutil.copytree(stage.here / "lab", stage.here / "twin", ignore=shutil.ignore_patterns("runs", "*.fl", "flower"))
    log = stage.here / "federation" / "engine" / "server" / "log.txt"
    for who in ("stranger", "twin"):
        before = log.stat().st_size
        check = stage.done("site", "check", who)
        one = stage.start("site", "start", who, console=f"{who}.txt")
        time.sleep(45)
        one.terminate()
        one.wait(60)
        new = log.read_text(errors="replace")[before:].splitlines()
        new = [line[:220] for line in new if any(word in line for word in ("WARN", "ERROR", "refus"))]
        new += [f"its console: {stage.said('server.txt')[-1]}"]
        checked = (check.stderr or check.stdout).strip().splitlines()[-1]
        show(f"a {who}", f"check: {checked}", *stage.said(f"{who}.txt"), "server's log:", *new[:4])


def main(engine: str, wanted: list[str]) -> None:
    """Provoke all, or those named."""
    stage = Stage(engine)
    stay = [stage.start("server", "start", console="server.txt")]
    stay += [stage.start("site", "start", site, console=f"{site}.txt") for site in SITES]
    cases: dict[str, Callable[[], None]] = {
        "answers": lambda: answers_of_no_use(stage),
        "stops": lambda: stops(stage),
        "client": lambda: dies(stage, "a client's process", WORKERS[engine], str(stage.here / "lab")),
        "server": lambda: dies(stage, "the server", SERVERS[engine], str(stage.here / "federation")),
        "wait": lambda: goes_away(stage, "wait"),
        "keep": lambda: goes_away(stage, "keep"),
        "strangers": lambda: strangers(stage),
    }
    try:
        for name, case in cases.items():
            if not wanted or name in wanted:
                case()
    finally:
        for process in stay:
            process.terminate()
        for number in stage.processes(str(stage.here)):
            os.kill(number, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
