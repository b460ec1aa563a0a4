"""A federation over NVIDIA FLARE: real processes on loopback, mutual TLS, kits made on the spot."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from fedhca.engines.events import events
from fedhca.experiment import journal
from fedhca.tensor_file import load_tensors
from tiny import RECIPE

pytest.importorskip("nvflare", reason="the extra `flare` is not installed")

SITES = {"uni": ["rooms-all", "figures-sal"], "lab": ["figures-semseg"]}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
COMMAND = [sys.executable, "-m", "fedhca"]
LIMIT = 240
"""Seconds after which something hangs."""


def fedhca(*words: str, cwd: Path) -> str:
    """Run a command to its end; return what it printed."""
    done = subprocess.run(
        [*COMMAND, *words], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def staying(commands: Sequence[Sequence[str]], cwd: Path) -> Iterator[None]:
    """Commands that stay, until the end of the block."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen([*COMMAND, *words], cwd=cwd, env=ENVIRONMENT, **quiet) for words in commands]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a federation and its two sites, of the tiny recipe."""
    here = tmp_path_factory.mktemp("network")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sites = ",".join(f"{site}={'+'.join(clients)}" for site, clients in SITES.items())
    fedhca("server", "init", str(RECIPE), "--sites", sites, "--port", str(port), "--set", "rounds=4", cwd=here)
    for site in SITES:
        fedhca("site", "init", f"federation/kits/{site}.zip", cwd=here)
    return here


def kill(what: str, where: Path) -> None:
    """Kill -9 the process of a run: of FLARE's, the one with these words in its command."""
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


def test_the_same_bits_as_in_one_process_though_a_client_and_the_server_are_killed(here: Path) -> None:
    fedhca("run", "federation/recipe.yaml", "--out", "near", cwd=here)
    stay = [["server", "start"], *(["site", "start", site] for site in SITES)]
    run = here / "federation" / "runs" / "far"
    with staying(stay, here):
        driver = subprocess.Popen(
            [*COMMAND, "server", "run", "--name", "far"], cwd=here, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
        )
        for rounds, what, where in (
            (1, "client.worker_process", here / "lab"),
            (2, "server.runner_process", here / "federation"),
        ):
            end = time.monotonic() + LIMIT
            while len(journal.read(run / "journal.jsonl")) < rounds:
                assert driver.poll() is None
                assert time.monotonic() < end
                time.sleep(0.2)
            kill(what, where)
        printed, _ = driver.communicate(timeout=LIMIT)
        checked = fedhca("site", "check", "lab", cwd=here)
    assert driver.returncode == 0, printed
    assert "takes this site's certificate" in checked
    assert printed.count("a process died") >= 1
    assert "4 rounds done" in printed
    assert [event["what"] for event in events(run)].count("done") == 1
    near, far = (load_tensors(folder / "server" / "after-000004.safetensors")[0] for folder in (here / "near", run))
    assert near.keys() == far.keys()
    assert all(torch.equal(near[name], far[name]) for name in near)
    both = [
        [{**line, "seconds": 0, "clients": 0} for line in journal.read(f / "journal.jsonl")]
        for f in (here / "near", run)
    ]
    assert both[0] == both[1]
    for line in journal.read(run / "journal.jsonl"):
        assert all(times["transport"] > 0 for times in line["clients"].values())


def test_with_no_server_a_check_says_so_in_one_line(here: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "site", "check", "lab"],
        cwd=here,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 1
    assert "should answer. Found: Connection refused." in done.stderr
    assert done.stderr.count("\n") == 1
