"""What any engine has to do: the same bits as in one process, though processes die, and nothing else leaves a site.

Real processes on loopback: FLARE's simulator, FLARE with mutual TLS, Ray's simulation, Flower with TLS and registered
keys. A failure names the engine whose new version, perhaps, does something else.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fedhca import RunFolder
from fedhca.experiment import journal
from fedhca.experiment.recipes import load_recipe
from fedhca.processes.supervision import RUN
from fedhca.storage.tensor_file import load_tensors
from living import are_gone, started_by
from sites import COMMAND, ENVIRONMENT, LIMIT, SITES, Network, fedhca, kill, need, network, require_same, staying
from tiny import RECIPE

SPY = Path(__file__).parent / "spy"
SPIED = os.pathsep.join([str(SPY), *filter(None, [os.environ.get("PYTHONPATH")])])
"""What is tested stays what it is where another source than the installed one is."""
ROUNDS = 3


def changes(rounds: int = ROUNDS) -> list[str]:
    return [f"rounds={rounds}", f"evaluate_every={rounds}"]


LOOPBACK = ("0100007F:", f"{'0' * 24}01000000:", f"{'0' * 16}FFFF00000100007F:")
"""127.0.0.1, ::1, and the first as an address of the second kind, as the kernel writes them."""


def open_to_others() -> set[str]:
    """Return the doors of this machine on which somebody listens to more than the machine itself."""
    lines = [line.split() for kind in ("tcp", "tcp6") for line in Path("/proc/net", kind).read_text().splitlines()[1:]]
    return {words[1] for words in lines if words[3] == "0A" and not words[1].startswith(LOOPBACK)}


@contextmanager
def to_this_machine_only() -> Iterator[None]:
    """Check that nothing that begins to listen during the block listens to other machines."""
    before, over, found = open_to_others(), threading.Event(), set[str]()

    def look() -> None:
        while not over.wait(0.5):
            found.update(open_to_others() - before)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
    assert not found


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The run in one process, of so many rounds."""

    @cache
    def run(rounds: int) -> Path:
        here = tmp_path_factory.mktemp("near")
        fedhca("run", str(RECIPE), *changes(rounds), "--out", "run", cwd=here)
        return here / "run"

    return run


def after_rounds(run: Path, rounds: int, needed: Sequence[subprocess.Popen[Any]], tested: str) -> None:
    """Wait until so many rounds of a run are done, for which these processes are needed."""
    end = time.monotonic() + LIMIT
    while len(journal.read_lines(run / "journal.jsonl")) < rounds:
        assert [each.args for each in needed if each.poll() is not None] == [], tested
        assert time.monotonic() < end, tested
        time.sleep(0.2)


def test_flare_s_simulator(near: Callable[[int], Path], tmp_path: Path) -> None:
    tested = need("flare")
    write_job = resolve_name("fedhca.engines.flare.session:write_job")
    folder = RunFolder.create(tmp_path / "run", load_recipe(RECIPE, changes()))
    names = ",".join(client.name for client in folder.recipe.roster)
    job = write_job(tmp_path / "jobs", "run", folder.recipe, len(folder.recipe.roster))
    allowed = resolve_name("fedhca.engines.flare.provision:ALLOWED")
    policy = {"format_version": 2, "class_list_enforcement_mode": "enforce", "class_allow_list": allowed}
    (tmp_path / "space" / "local").mkdir(parents=True)
    (tmp_path / "space" / "local" / "resources.json").write_text(json.dumps(policy))
    words = ["-m", "nvflare.cli", "simulator", str(job), "-w", str(tmp_path / "space"), "-c", names, "-t", "3"]
    subprocess.run(
        [sys.executable, *words],
        env={**ENVIRONMENT, RUN: str(folder.path)},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    require_same(folder.path, near(ROUNDS), tested, ROUNDS)


@pytest.mark.parametrize(
    ("rounds", "killed"),
    [pytest.param(1, False, id="whole"), pytest.param(3, True, id="killed", marks=pytest.mark.whole)],
)
def test_ray_s_simulation(rounds: int, killed: bool, near: Callable[[int], Path], tmp_path: Path) -> None:
    tested = need("flower")
    words = ["run", str(RECIPE), *changes(rounds), "--at-once", "2", "--out", "run"]
    with to_this_machine_only():
        if killed:
            first = subprocess.Popen([*COMMAND, *words], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
            after_rounds(tmp_path / "run", 1, [first], tested)
            started = started_by(first.pid)
            first.kill()
            assert len(started) > 5, tested  # Ray's are many, most in groups of their own
            assert are_gone(started, within=60), tested
            words = ["resume", "run", "--at-once", "2"]
        printed = fedhca(*words, cwd=tmp_path)
    assert f"{rounds} rounds done" in printed
    require_same(tmp_path / "run", near(rounds), tested, rounds)
    assert "finished before" in fedhca("resume", "run", cwd=tmp_path)


Kills = Sequence[tuple[int, str, str]]
"""After how many rounds which process is killed, and of which folder."""
FLARE_DIES: Kills = [(1, "client.worker_process", "lab"), (2, "server.runner_process", "federation")]
FLOWER_DIES: Kills = [(1, "fedhca.engines.flower.superlink", "federation")]


@pytest.mark.parametrize(
    ("engine", "rounds", "kills"),
    [
        pytest.param("flare", 3, FLARE_DIES, id="flare, killed"),
        pytest.param("flower", 1, [], id="flower"),
        pytest.param("flower", 3, FLOWER_DIES, id="flower, killed", marks=pytest.mark.whole),
    ],
)
def test_a_network_though_processes_are_killed(
    engine: str, rounds: int, kills: Kills, near: Callable[[int], Path], tmp_path: Path
) -> None:
    made = network(engine, tmp_path, changes(rounds))
    check = [*COMMAND, "site", "check", "lab"]
    answered = subprocess.run(check, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert answered.returncode == 1
    assert "should answer. Found: Connection refused." in answered.stderr
    assert answered.stderr.count("\n") == 1
    stay = [["server", "start"], *(["site", "start", site] for site in SITES)]
    with to_this_machine_only(), staying(stay, tmp_path, SPY=str(made.crossed), PYTHONPATH=SPIED) as stays:
        words = [*COMMAND, "server", "run", "--name", "far"]
        driver = subprocess.Popen(words, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        for done, what, where in kills:
            after_rounds(made.run, done, [driver, *stays], made.tested)
            kill(what, tmp_path / where)
        printed, _ = driver.communicate(timeout=LIMIT)
        checked = fedhca("site", "check", "lab", cwd=tmp_path)
        if engine == "flare":
            code_is_refused(tmp_path)
    Image.fromarray(np.zeros((48, 32, 3), np.uint8)).save(tmp_path / "scan.png")
    drawn = fedhca("site", "predict", "lab", "far", "scan.png", cwd=tmp_path)
    assert "scan-figures-semseg.png" in drawn
    assert driver.returncode == 0, printed
    assert "The server" in checked
    assert "answers and" in checked
    assert bool(kills) == ("going on from there" in printed)
    assert f"{rounds} rounds done" in printed
    require_same(made.run, near(rounds), made.tested, rounds)
    for line in journal.read_lines(made.run / "journal.jsonl"):
        assert all(times["transport"] > 0 for times in line["clients"].values())
    audit(made, rounds)
    keys_are_told_nobody(made, printed)


def code_is_refused(here: Path) -> None:
    """Submit, as FLARE's own administrator, the job of the run with code beside it: it runs nowhere."""
    shutil.copytree(here / "federation" / "engine" / "jobs" / "far", here / "evil")
    for config in list((here / "evil").rglob("config")):
        (config.parent / "custom").mkdir()
        (config.parent / "custom" / "sitecustomize.py").write_text(f"open({str(here / 'owned')!r}, 'w').close()")
    connect = resolve_name("nvflare.fuel.flare_api.flare_api:new_secure_session")
    session = connect("admin@fedhca.org", str(here / "federation" / "engine" / "admin"))

    def said(call: Callable[..., Any], *words: str) -> str:
        try:
            return str(call(*words))
        except Exception as error:  # the library raises what the server refuses
            return str(error)

    job = said(session.submit_job, str(here / "evil"))
    end = time.monotonic() + 45
    while "FINISHED" not in (status := said(session.get_job_meta, job)) and time.monotonic() < end:
        time.sleep(1)
    said(session.abort_job, job)
    commands = [said(session.do_command, words) for words in ("cat lab log.txt", "ls server", "shutdown client lab")]
    session.close()
    assert "FINISHED:COMPLETED" not in status
    assert not (here / "owned").exists()
    refused = ("not authorized", "invalid_request")  # by FLARE's rules, or by the site, which shut that door
    assert all(any(word in each.lower() for word in refused) for each in commands), commands
    log = (here / "lab" / "engine" / "log.txt").read_text()
    assert "This site does not answer to ShutdownClientProcessor, ShellCommandProcessor," in log


FIELDS: Mapping[str, set[str]] = {
    "ask hello": set(),
    "hello": {"client", "dataset", "tasks", "examples", "encoder_layout", "decoder_layout", "held"},
    "train": {"client", "round", "since", "pull", "keeps", "heads_first", "answer", "begins"},
    "evaluate": {"client", "round", "since", "pull", "keeps", "heads_first"},
    "trained": {"client", "round", "seconds", "loss/"},
    "evaluated": {"client", "round", "seconds", "metric/"},
}
"""All names and numbers that may be in a message of each kind; names with a slash begin those of tasks."""


def keys_are_told_nobody(made: Network, printed: str) -> None:
    """No private key is in a log, in a run, in a message or on the screen, nor can others on the machine read it."""
    keys = [path for path in made.here.rglob("*.key") if "PRIVATE KEY" in path.read_text()]
    assert len(keys) >= 3, made.tested
    assert {path.stat().st_mode & 0o077 for path in keys} == {0}, made.tested
    lines = [line.encode() for path in keys for line in path.read_text().splitlines() if "PRIVATE KEY" not in line]
    others = [path for path in made.here.rglob("*") if path.is_file() and path not in keys]
    assert any(path.suffix in {".txt", ".log"} for path in others), made.tested
    telling = [str(path) for path in others if any(line in path.read_bytes() for line in lines)]
    assert telling == [], made.tested
    assert not any(line.decode() in printed for line in lines), made.tested


def audit(made: Network, rounds: int) -> None:
    """Read every message that crossed a site's border: no field too many, no other's answer, nothing private."""
    recipe = load_recipe(RECIPE, changes())
    tasks = {client.name: client.tasks for client in recipe.roster}
    kept = [path for site in SITES for path in (made.here / site / "runs").rglob("*.safetensors")]
    heads = [row for path in kept for name, row in load_tensors(path)[0].items() if "head" in name]
    assert heads
    secrets = [np.ascontiguousarray(row.numpy()).tobytes()[:64] for row in heads if row.numel() > 15]
    seen: set[tuple[str, str]] = set()
    for path in sorted(made.crossed.glob("*.json")):
        said: dict[str, Any] = json.loads(path.read_text())
        kind, client = said["words"].pop("kind"), said["client"]
        seen.add((client, kind))
        allowed = {f"{each}{task}" if each.endswith("/") else each for each in FIELDS[kind] for task in tasks[client]}
        assert set(said["words"]) <= allowed, f"{made.tested}: {path}"
        assert said["words"].get("client", client) == client, f"{made.tested}: {path}"
        assert str(made.here) not in path.read_text(), f"{made.tested}: {path}"
        rows = np.load(path.with_suffix(".npz"), allow_pickle=False)
        assert set(rows) <= {"encoder", *(f"decoder|{place}" for place in range(len(tasks[client])))}
        bytes_ = b"".join(rows[name].tobytes() for name in rows)
        assert not any(secret in bytes_ for secret in secrets), f"{made.tested}: a head is in {path}"
    assert seen == {(client, kind) for client in tasks for kind in FIELDS}
    # What each was handed last is its own row of the server's state, and nobody else's.
    state, _ = load_tensors(made.run / "server" / f"after-{rounds:06d}.safetensors")
    for place, client in enumerate(tasks):
        asked = [path for path in sorted(made.crossed.glob(f"*-{client}-in.json")) if '"evaluate"' in path.read_text()]
        handed = np.load(asked[-1].with_suffix(".npz"), allow_pickle=False)["encoder"]
        assert np.array_equal(handed, state["encoders"][place].numpy()), f"{made.tested}: {client}"
