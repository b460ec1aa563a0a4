"""Seconds of a round by phase, and the server's memory, for parameters of Swin-T's size over a network on this machine.

    python benchmarks/network/rounds.py flare 2 6          # an engine, and numbers of sites

Each site is a process of its own, with mutual TLS (FLARE) or TLS and registered keys (Flower). Two pictures of 64 × 64
pixels each, so that training is short and the rest is seen. All share this machine's cores, so that many sites wait for
each other as they would not between machines.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import mean
from typing import Any

from fedhca.experiment import journal

ROUNDS = 4
PORT = {"flare": 18502, "flower": 18602}
SINGLE = ["semseg", "depth", "normals", "edge"]
FAST = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
RECIPE = """
description: parameters of Swin-T's size
seed: 0
rounds: {rounds}
evaluate_every: {rounds}
method: fedhca2
model: {{backbone: swin, pretrained: false, config: {{image_size: 64}}, width: 96}}
training: {{batch_size: 2, learning_rate: 1.0e-4, warmup_epochs: 1}}
datasets:
  rooms: {{kind: rooms, size: [64, 64], train: {train}, val: 2}}
clients:
  - {{name: site-0, dataset: rooms, tasks: [semseg, depth, normals, edge]}}
{singles}
"""
"""One client has four tasks, the others one."""
HEAD = """
| engine | sites | MB each way | train phase s | at a client | on the way | waiting | aggregate s | evaluate s | peak |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
""".strip()
SERVER_S = ("runner_process", "serverapp", "superlink", "server_train")
"""What the commands of processes at the server have in them."""


class Peaks(threading.Thread):
    """Note the largest memory, in GB, of each kind of process that a federation's server starts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.mark, self.going = f"FEDHCA_SERVER={folder}", True
        self.peaks: dict[str, float] = {}

    def run(self) -> None:
        """Look twice a second."""
        while self.going:
            for process in Path("/proc").iterdir():
                if process.name.isdecimal():
                    self._look(process)
            time.sleep(0.5)

    def _look(self, process: Path) -> None:
        try:
            words, environment = ((process / name).read_text() for name in ("cmdline", "environ"))
            peak = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM")]
        except OSError:
            return
        if self.mark in environment and peak:
            name = next((each for each in SERVER_S if each in words), "other")
            self.peaks[name] = max(self.peaks.get(name, 0.0), int(peak[0].split()[1]) / 1e6)


def command(*words: str) -> list[str]:
    """Return a command."""
    return [sys.executable, "-m", "fedhca", *words]


def measure(engine: str, sites: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Run a federation of so many sites; return its journal, and the server's peaks."""
    here = Path("runs", "network-rounds", f"{engine}-{sites}").resolve()
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    singles = [f"  - {{name: site-{place}, dataset: rooms, tasks: [{SINGLE[place % 4]}]}}" for place in range(1, sites)]
    (here / "recipe.yaml").write_text(RECIPE.format(rounds=ROUNDS, train=2 * sites, singles="\n".join(singles)))

    def done(*words: str) -> None:
        subprocess.run(command(*words), cwd=here, env=FAST, check=True, stdout=subprocess.DEVNULL)

    def kept(*words: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command(*words), cwd=here, env=FAST, stdout=quiet, stderr=quiet)

    done("server", "init", "recipe.yaml", "--engine", engine, "--port", str(PORT[engine] + sites))
    names = [f"site-{place}" for place in range(sites)]
    for name in names:
        done("site", "init", f"federation/kits/{name}.zip")
    stay = [kept("server", "start"), *(kept("site", "start", name) for name in names)]
    peaks = Peaks(here / "federation")
    peaks.start()
    try:
        done("server", "run", "--name", "run")
    finally:
        peaks.going = False
        for process in stay:
            process.terminate()
        for process in stay:
            process.wait()
    return journal.read_lines(here / "federation" / "runs" / "run" / "journal.jsonl"), peaks.peaks


def show(engine: str, sites: int) -> None:
    """Print one line of the table; the first round is left out, as libraries warm up in it."""
    lines, peaks = measure(engine, sites)
    phase = {name: mean(line["seconds"].get(name, 0.0) for line in lines[1:]) for name in ("train", "aggregate")}
    clients = [times for line in lines[1:] for times in line["clients"].values()]
    part = {name: mean(times[name] for times in clients) for name in ("train", "transport", "waiting")}
    values = [
        sum(way["down"] for way in lines[-1]["bytes"].values()) / 1e6,
        phase["train"],
        *part.values(),
        phase["aggregate"],
        max(line["seconds"].get("evaluate", 0.0) for line in lines),
    ]
    numbers = " | ".join(f"{value:.1f}" for value in values)
    peak = ", ".join(f"{name} {value:.2f} GB" for name, value in sorted(peaks.items()))
    print(f"| {engine} | {sites} | {numbers} | {peak} |", flush=True)


if __name__ == "__main__":
    print(HEAD, flush=True)
    for word in sys.argv[2:]:
        show(sys.argv[1], int(word))
