"""One machine plays all sites: Flower's simulation, in which Ray has several clients train at once, over all GPUs."""

import os
import sys
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import torch

from fedhca.engines.driver import POLL
from fedhca.engines.events import events
from fedhca.engines.flower.engine import free_port, wait_for
from fedhca.engines.flower.session import QUIET, FlowerSession
from fedhca.engines.proxies import exempt
from fedhca.errors import FedhcaError, MissingReplyError, RecipeError
from fedhca.experiment.run_folder import RunFolder
from fedhca.processes.supervision import RUN, Processes, last_line
from fedhca.storage.lock import in_use

ENGINE = "engine"
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Where it has no cluster, as by default on these systems, Ray listens on this machine only; elsewhere to everybody."""


def simulate(folder: RunFolder, at_once: int) -> Iterator[None]:
    """Run to the last round; yields whenever there may be something new in the run folder, which is held.

    Cores and GPUs are shared out evenly among the clients that train at once. The run can be gone on with in any other
    way: its folder is that of a run in one process.

    Args:
        folder: of the run.
        at_once: clients that train at once.

    Raises:
        RecipeError: fewer than one at once.
        FedhcaError: the run stopped.
        RunFolderError: another command runs it.

    """
    if at_once < 1:
        raise RecipeError(f"--at-once should be at least 1. Found {at_once}.")
    if not folder.finished:
        with in_use(folder.path):
            yield from _simulate(folder, at_once)


def _simulate(folder: RunFolder, at_once: int) -> Iterator[None]:
    os.environ.update(exempt(os.environ))
    place, port, seen = (folder.path / ENGINE).resolve(), free_port(), len(events(folder.path))
    command = [
        *(sys.executable, "-m", "fedhca.engines.flower.superlink", str(place / "nobody")),
        *("--host", "127.0.0.1", "--port", str(port), "--insecure", "--simulation"),
        "--disable-runtime-dependency-installation",
    ]
    # The paths of Ray's sockets may have a hundred characters only, which a run folder's may use up.
    with TemporaryDirectory(prefix="fedhca-") as short:
        here = {RUN: str(folder.path.resolve()), "RAY_TMPDIR": short, "FLWR_HOME": str(place / "flower"), **LOOPBACK}
        processes = Processes(command, place, place / "log.txt", {**QUIET, **here}, last_line)
        try:
            session = FlowerSession(place, f"127.0.0.1:{port}", None)
            wait_for(session, processes)
            shares = shared_out(at_once, len(folder.recipe.roster), os.cpu_count() or 1, torch.cuda.device_count())
            job = session.submit_to(folder.path.name, folder.recipe, "--federation-config", shares)
            while not (session.is_over(job) or any(each["what"] == "done" for each in events(folder.path, seen))):
                time.sleep(POLL)
                yield
        finally:
            processes.stop()
    if not folder.finished:
        stopped = [event["cause"] for event in events(folder.path, seen) if event["what"] in ("stopped", "gone")]
        raise MissingReplyError(stopped[-1]) if stopped else FedhcaError(f"The run stopped; see {place / 'log.txt'}.")


def shared_out(at_once: int, clients: int, cores: int, gpus: int) -> str:
    """Return Flower's words for what each client may use.

    >>> shared_out(at_once=2, clients=5, cores=8, gpus=1).split()[:3]
    ['num-supernodes=5', 'client-resources-num-cpus=4', 'client-resources-num-gpus=0.5']

    More clients at once than there are cores take turns on them.
    """
    each = max(1, cores // at_once)
    words = {
        "num-supernodes": clients,
        "client-resources-num-cpus": each,
        "client-resources-num-gpus": gpus / at_once,
        "init-args-num-cpus": each * at_once,
        "init-args-num-gpus": gpus,
    }
    return " ".join(f"{name}={value}" for name, value in words.items())
