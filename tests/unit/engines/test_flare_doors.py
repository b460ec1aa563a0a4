"""Who gets into FLARE's processes: even a changed server for what a run needs, and each site once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("nvflare")

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_constant import ReservedKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.fl_exception import NotAuthenticated
from nvflare.fuel.sec.audit import AuditService
from nvflare.private.admin_defs import Message
from nvflare.private.defs import SysCommandTopic, new_cell_message
from nvflare.private.fed.client.admin import FedAdminAgent
from nvflare.private.fed.client.admin_commands import AdminCommands
from nvflare.private.fed.client.client_req_processors import ClientRequestProcessors

from fedhca import FedhcaError
from fedhca.engines.flare.access_control import OF_A_JOB, Doors, OneOfEach


@pytest.fixture(autouse=True)
def as_they_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FLARE's lists, copied, so that doors shut here are shut for no other test; and the audit that an agent needs."""
    monkeypatch.setattr(ClientRequestProcessors, "request_processors", [*ClientRequestProcessors.request_processors])
    monkeypatch.setattr(AdminCommands, "commands", [*AdminCommands.commands])
    monkeypatch.setattr(AuditService, "the_auditor", None)
    AuditService.initialize(str(tmp_path / "audit.log"))


class App:
    """As much of a site as the agent asks for."""

    @contextmanager
    def new_context(self) -> Iterator[FLContext]:
        """Return an empty one."""
        yield FLContext()


def answered(topic: str, body: str) -> str:
    """Return what FLARE's agent at a site says to a server."""
    agent = FedAdminAgent("lab", SimpleNamespace(register_request_cb=lambda **_: None), App())
    for processor in ClientRequestProcessors.request_processors:
        agent.register_processor(processor)
    return str(agent._dispatch_request(new_cell_message({}, Message(topic, body))).payload.body)


def test_a_changed_server_reads_no_file_of_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patients.txt").write_text("Eve")
    monkeypatch.chdir(tmp_path)
    assert "Eve" in answered(SysCommandTopic.SHELL, "cat patients.txt")  # FLARE as it comes
    Doors()
    assert answered(SysCommandTopic.SHELL, "cat patients.txt") == "invalid_request"


def test_nor_does_it_set_up_logging_which_can_call_any_function() -> None:
    assert AdminCommands.get_command("configure_job_log") is not None
    Doors()
    assert answered(SysCommandTopic.CONFIGURE_SITE_LOG, '{"version": 1}') == "invalid_request"
    assert AdminCommands.get_command("configure_job_log") is None
    assert {type(command).__name__ for command in AdminCommands.commands} == OF_A_JOB


def test_another_flare_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdminCommands, "commands", [])
    with pytest.raises(FedhcaError, match=r"This FLARE has no AbortCommand, .* any more"):
        Doors()


@pytest.mark.parametrize(("name", "heard", "refused"), [("lab", 1.0, True), ("lab", 61.0, False), ("uni", 1.0, False)])
def test_a_second_copy_of_a_site_waits_until_the_first_is_silent(name: str, heard: float, refused: bool) -> None:
    there = SimpleNamespace(name="lab", last_connect_time=time.time() - heard)
    peer, context = FLContext(), FLContext()
    peer.set_prop(ReservedKey.IDENTITY_NAME, name)
    context.set_peer_context(peer)
    context.set_prop(ReservedKey.ENGINE, SimpleNamespace(get_clients=lambda: [there]), private=True, sticky=False)
    OneOfEach().handle_event(EventType.CLIENT_REGISTER_PROCESSED, context)
    with pytest.raises(NotAuthenticated, match="site 'lab' is here already") if refused else nullcontext():
        OneOfEach().handle_event(EventType.CLIENT_REGISTER_RECEIVED, context)
