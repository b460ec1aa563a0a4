"""What this package adds to Flower, on Flower's own server and client: it fails here when a new version lets it go."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr", reason="the extra `flower` is not installed")

from flwr.app import Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink import extensions
from flwr.superlink import main as superlink
from flwr.supernode.runtime import run_clientapp
from starlette.testclient import TestClient

from fedhca.engines.flower import apps, clientapp
from fedhca.engines.flower.apps import CLIENT, FlowerTransport, from_record, to_record
from fedhca.engines.flower.superlink import keep_doors
from fedhca.errors import GoneError
from fedhca.wire.messages import Missing

ELSEWHERE, HERE = ("203.0.113.9", 5000), ("127.0.0.1", 5000)


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that opens the sites' door of Flower's server, in this process."""
    monkeypatch.setattr(extensions, "get_middleware", extensions.get_middleware)
    keep_doors(tmp_path / "registered")
    return tmp_path / "registered"


def answer(path: str, client: tuple[str, int]) -> tuple[int, str]:
    found = TestClient(superlink.create_app(), client=client).post(path, content=b"")
    return found.status_code, found.text


@pytest.mark.parametrize("path", ["/v1/control/list-runs", "/v1/control/register-node", "/v1/runtime/pull-task-input"])
def test_another_machine_may_not_submit_code_register_keys_or_play_a_process(path: str, registered: Path) -> None:
    registered.touch()
    assert answer(path, ELSEWHERE) == (403, "Only the server's own machine may ask for this.")
    assert answer(path, ("::ffff:203.0.113.9", 1))[0] == 403
    for here in (HERE, ("::1", 5000), ("::ffff:127.0.0.1", 5000)):
        assert answer(path, here)[0] not in (403, 404)


def test_sites_come_in_once_keys_are_registered(registered: Path) -> None:
    assert answer("/v1/fleet/activate-node", ELSEWHERE) == (503, "The sites' keys are not registered yet.")
    registered.touch()
    assert answer("/v1/fleet/activate-node", ELSEWHERE)[0] not in (403, 404, 503)


@pytest.mark.parametrize("headers", [{"content-length": str(300 << 20)}, {"transfer-encoding": "chunked"}])
def test_a_large_request_is_refused_before_it_is_read(headers: dict[str, str], registered: Path) -> None:
    """Flower asks for proof once it has read a request: anybody could fill its memory."""
    registered.touch()
    with TestClient(superlink.create_app(), client=ELSEWHERE) as client:
        found = client.post("/v1/fleet/activate-node", headers=headers)
        assert (found.status_code, found.text) == (413, "A request should say its length, 33554432 bytes at most.")
        assert client.post("/v1/fleet/activate-node", content=b"x" * (6 << 20)).status_code != 413


def test_a_site_installs_and_loads_nothing_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("install_from_fab", "get_load_client_app_fn"):
        monkeypatch.setattr(run_clientapp, name, getattr(run_clientapp, name))
    monkeypatch.setattr(clientapp, "flwr_clientapp", lambda: None)
    clientapp.start_clientapp()
    install, load = (getattr(run_clientapp, name) for name in ("install_from_fab", "get_load_client_app_fn"))
    assert install(b"an archive with code", skip_prompt=True) is None
    load = load(default_app_ref="", app_path=None, multi_app=True)
    assert load("evil/app", "1.0", "hash") is apps.client


def test_a_flower_that_no_longer_asks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_clientapp, "run_clientapp", lambda: None)
    with pytest.raises(SystemExit, match="no site could refuse foreign code"):
        clientapp.start_clientapp()
    monkeypatch.setattr(superlink, "_get_middleware", lambda: [])
    with pytest.raises(SystemExit, match="its doors could not be kept"):
        keep_doors(tmp_path)


def test_a_wire_comes_back_from_a_record_as_it_was() -> None:
    row = np.array([0.1, -0.0, 3e-42], np.float32)
    words: dict[str, str | int | float] = {"kind": "trained", "round": 2, "seconds": 0.1 + 0.2}
    back = dict(from_record(to_record({**words, "encoder": row})))
    assert np.asarray(back.pop("encoder")).tobytes() == row.tobytes()
    assert back == words
    assert from_record(RecordDict()) == {}


class Told(Grid):
    """A grid on which each node answers as the test says."""

    def __init__(self, answers: Mapping[int, Any]) -> None:
        self.answers, self.sent = answers, list[Message]()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.sent += messages
        return [str(message.metadata.dst_node_id) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Any]:
        asked = {message.metadata.dst_node_id: message for message in self.sent}
        nodes = [int(number) for number in message_ids]
        return [Message(self.answers[node], reply_to=asked[node]) for node in nodes if node in self.answers]

    def set_run(self, run: Any) -> Any: ...
    def run(self) -> Any: ...  # type: ignore[override]
    def create_message(self, *words: Any, **more: Any) -> Any: ...
    def get_node_ids(self) -> Any: ...
    def send_and_receive(self, *words: Any, **more: Any) -> Any: ...


def carried(answers: Mapping[int, Any], nodes: Mapping[str, int], **wires: Any) -> tuple[dict[str, Any], Told]:
    grid = Told(answers)
    found = dict(FlowerTransport(grid, lambda: nodes, 0.05)(wires))
    return found, grid


def test_each_client_is_asked_at_its_node_and_what_goes_wrong_is_said_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apps, "POLL", 0.01)
    for name in ("_run_id", "_node_id", "_task_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)
    wire = {"kind": "ask hello"}
    said = "Traceback with /data/patients"
    answers = {1: to_record({"kind": "missing", "client": "a", "cause": "x"}), 2: Error(2, said), 3: Error(8, said)}
    nodes = {"a": 1, "b": 2, "c": 3, "d": 4}
    found, grid = carried(answers, nodes, a=wire, b=wire, c=wire, d=wire, e=wire)
    assert [from_record(each.content)[CLIENT] for each in grid.sent] == ["a", "b", "c", "d"]
    assert found["a"] == {"kind": "missing", "client": "a", "cause": "x"}
    assert found["b"] == Missing("b", "its site could not run the app; its log says more.")
    assert found["d"] == Missing("d", "no answer within 0.05 seconds.")
    assert found["c"].cause == "its process or its site is gone (Flower's code 8)."
    assert found["e"].cause == "its site is not connected."
    assert all(isinstance(found[name].error, GoneError) for name in "ce")
    assert not any("patients" in str(each) for each in found.values())
