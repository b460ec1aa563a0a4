"""Offline it is wandb itself that writes and that is read back; what it would do online is asked of a stand-in."""

import json
import os
import shutil
import socket
import struct
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from fedhca import FedhcaError, RunFolder
from fedhca.trackers import feeding, scalars
from fedhca.trackers.wandb import run_id

SECRET = "0123456789abcdef" * 3
VARIABLES = ("MODE", "PROJECT", "CACHE_DIR", "DATA_DIR", "CONFIG_DIR", "DIR", "ERROR_REPORTING", "SILENT", "ENTITY")


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.open(Path(shutil.copytree(finished, tmp_path / "run")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working directory, with a key of W&B in the environment."""
    for place in ("home", "here"):
        (tmp_path / place).mkdir()
    for name in (*(f"WANDB_{variable}" for variable in VARIABLES), "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Who called the only way out: W&B's address and all proxies lead to a server that refuses everything."""
    called: list[str] = []

    class Refuse(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            called.append(self.rfile.readline().decode())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for name in ("WANDB_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        yield called
        server.shutdown()


def write(folder: RunFolder) -> None:
    with feeding(folder, ["wandb"], tell=pytest.fail) as catch_up:
        catch_up()


def logs(folder: RunFolder) -> list[Path]:
    return sorted(folder.path.glob("wandb/offline-run-*/*.wandb"))


def history(log: Path) -> list[dict[str, float]]:
    """The rows in a file of wandb, which are messages in the blocks of a LevelDB log."""
    from wandb.proto.wandb_internal_pb2 import Record  # noqa: PLC0415  not before the fixtures have set the scene

    content, offset, message, rows = log.read_bytes(), 7, b"", []
    while offset < len(content):
        left = 32768 - offset % 32768
        if left < 7:
            offset += left
            continue
        length, kind = struct.unpack_from("<HB", content, offset + 4)
        message += content[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            items = Record.FromString(message).history.item
            rows += [{item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}] if items else []
            message = b""
    return rows


def expected(folder: RunFolder) -> list[dict[str, float]]:
    clients = {client.name: client.tasks for client in folder.recipe.roster}
    return [{"_step": line["round"], **scalars(line, clients)} for line in folder.journal]


def found(log: Path) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name in {"_step"} or name[0] != "_"} for row in history(log)]


def test_where_nothing_was_said_it_is_offline_and_stays_in_the_run_folder(
    folder: RunFolder, home: Path, calls: list[str]
) -> None:
    before = dict(os.environ)
    write(folder)
    assert not calls
    assert not any(home.iterdir())
    assert not any(Path.cwd().iterdir())
    assert dict(os.environ) == before
    (log,) = logs(folder)
    assert found(log) == expected(folder)


def test_what_is_written_twice_is_there_once(folder: RunFolder, home: Path) -> None:
    write(folder)
    first = logs(folder)
    other = folder.path / "wandb" / "offline-run-20200101_000000-other"
    other.mkdir()
    write(folder)
    (log,) = logs(folder)
    assert log.name == first[0].name == f"run-{run_id(folder)}.wandb"
    assert found(log) == expected(folder)
    assert other.exists()


def test_machine_code_and_secrets_stay_at_home(folder: RunFolder, home: Path) -> None:
    write(folder)
    (log,) = logs(folder)
    content = log.read_bytes()
    for private in (socket.gethostname(), str(folder.path), str(Path.cwd()), sys.executable):
        if len(private) > 3:  # shorter ones are in there by chance
            assert private.encode() not in content, private
    assert not any(SECRET.encode() in file.read_bytes() for file in folder.path.rglob("*") if file.is_file())
    assert not [file.name for file in log.parent.glob("files/**/*") if file.is_file()]


def test_online_is_asked_for_by_the_user_and_then_a_refusal_is_one_line(
    folder: RunFolder, home: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a call, had there been one in the test above, would have been seen."""
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    with pytest.raises(FedhcaError, match=r"Tracker 'wandb' should open\. Found: "):
        write(folder)
    assert calls


@pytest.mark.parametrize(
    ("variable", "settings", "mode"),
    [
        (None, None, "offline"),
        ("online", None, "online"),
        ("disabled", "mode = online", "disabled"),
        (None, "mode = online", "online"),
        (None, "entity = someone", "offline"),
        (None, "no ini at all", "offline"),
    ],
)
def test_the_mode_is_the_user_s(
    folder: RunFolder,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    settings: str | None,
    mode: str,
) -> None:
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    if settings:
        place = home / ".config" / "wandb" / "settings"
        place.parent.mkdir(parents=True)
        place.write_text(f"[default]\n{settings}\n" if "=" in settings else settings)
    standing_in = StandIn(monkeypatch)
    write(folder)
    assert standing_in.options["mode"] == mode
    assert standing_in.options["settings"]["silent"] == (mode == "offline")


class StandIn:
    """Stands for the module: remembers how it was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, has: int = 0) -> None:
        self.options: dict[str, Any] = {}
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.ended: list[str] = []
        run = SimpleNamespace(starting_step=has, log=self.log, finish=lambda: self.ended.append("run"))
        module = SimpleNamespace(
            Settings=dict,
            init=lambda **options: self.options.update(options) or run,
            teardown=lambda: self.ended.append("service"),
        )
        monkeypatch.setitem(sys.modules, "wandb", module)

    def log(self, values: dict[str, float], step: int, commit: bool) -> None:
        assert commit
        self.rows.append((step, values))


def test_online_what_is_there_is_not_sent_again(folder: RunFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_in = StandIn(monkeypatch, has=2)
    write(folder)
    assert [step for step, _ in standing_in.rows] == [2]
    assert standing_in.options["resume"] == "allow"
    assert standing_in.options["id"] == run_id(folder)
    assert standing_in.ended == ["run", "service"]


@pytest.mark.parametrize("name", ["recipe.yaml", "environment.json"])
def test_a_copy_is_the_same_run_another_recipe_or_start_is_not(folder: RunFolder, finished: Path, name: str) -> None:
    assert run_id(folder) == run_id(RunFolder.open(finished))
    with (folder.path / name).open("a") as file:
        file.write(" ")
    assert run_id(folder) != run_id(RunFolder.open(finished))


def test_the_project_may_be_chosen(folder: RunFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_in = StandIn(monkeypatch)
    write(folder)
    assert standing_in.options["project"] == "fedhca"
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    write(folder)
    assert standing_in.options["project"] == "mine"


def test_its_package_may_be_missing(folder: RunFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(FedhcaError, match=r"pip install 'fedhca\[wandb\]'"):
        write(folder)
    assert not (folder.path / "wandb").exists()
