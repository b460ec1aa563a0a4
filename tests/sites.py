"""A federation between two sites on loopback, in processes of their own, as its owners would start it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from fedhca.engines.events import events
from fedhca.engines.proxies import NO_PROXIES
from fedhca.experiment import journal
from fedhca.storage.tensor_file import load_tensors
from tiny import RECIPE

SITES = {"uni": ["rooms-all", "figures-sal"], "lab": ["figures-semseg"]}
NOWHERE = dict.fromkeys(NO_PROXIES, "http://127.0.0.1:9")
"""Proxies that do not answer: whatever talks to this machine has to go past them."""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **NOWHERE}
COMMAND = [sys.executable, "-m", "fedhca"]
LIMIT = 900
"""Seconds after which something hangs."""
PACKAGES = {"flare": "nvflare", "flower": "flwr"}


def fedhca(*words: str, cwd: Path) -> str:
    """Run a command to its end; return what it printed."""
    done = subprocess.run(
        [*COMMAND, *words], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(engine: str) -> str:
    """Return which version is tested; skip where it is not installed."""
    if find_spec(PACKAGES[engine]) is None:
        pytest.skip(f"the extra `{engine}` is not installed")
    return f"{PACKAGES[engine]} {version(PACKAGES[engine])}"


@contextmanager
def staying(commands: Sequence[Sequence[str]], cwd: Path, **more: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Commands that stay, until the end of the block."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**ENVIRONMENT, **more}
    running = [subprocess.Popen([*COMMAND, *words], cwd=cwd, env=environment, **quiet) for words in commands]  # type: ignore[call-overload]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def kill(what: str, where: Path) -> None:
    """Kill -9 the process with these words in its command."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_text()
            except OSError:
                continue
            if what in words and str(where) in words:
                os.kill(int(folder.name), signal.SIGKILL)
                return
    raise AssertionError(f"no process {what} of {where}")


@dataclass
class Network:
    """A federation between two sites on loopback, and what crossed their border."""

    here: Path
    tested: str

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return self.here / "federation" / "runs" / "far"

    @property
    def crossed(self) -> Path:
        """Where the spy writes."""
        return self.here / "crossed"


def network(engine: str, here: Path, changes: Sequence[str]) -> Network:
    """Make a federation and its sites."""
    tested = need(engine)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sites = ",".join(f"{site}={'+'.join(clients)}" for site, clients in SITES.items())
    words = ["--engine", engine, "--sites", sites, "--port", str(port), "--set", *changes]
    fedhca("server", "init", str(RECIPE), *words, cwd=here)
    for site in SITES:
        fedhca("site", "init", f"federation/kits/{site}.zip", cwd=here)
    (here / "crossed").mkdir()
    return Network(here, tested)


def require_same(run: Path, near: Path, tested: str, rounds: int) -> None:
    """Check that a run ended as the one in one process did, bit for bit, and wrote the same journal."""
    one, other = (load_tensors(each / "server" / f"after-{rounds:06d}.safetensors")[0] for each in (near, run))
    assert one.keys() == other.keys(), tested
    assert all(torch.equal(one[name], other[name]) for name in one), tested
    lines = [
        [{**line, "seconds": 0, "clients": 0} for line in journal.read_lines(f / "journal.jsonl")] for f in (near, run)
    ]
    assert lines[0] == lines[1], tested
    assert [event["what"] for event in events(run)].count("done") == 1, tested
