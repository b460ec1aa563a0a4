"""What FLARE's own server says of the sites, and what is made of it."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nvflare", reason="the extra `flare` is not installed")

from nvflare.fuel.flare_api import api_spec
from nvflare.fuel.flare_api.flare_api import Session

from fedhca.engines.flare import session as flare
from fedhca.engines.flare.session import FlareSession
from fedhca.errors import GoneError

JOB = "9c6a5888"
BUSY, IDLE, SILENT = {"job_id": JOB, "status": "started"}, {"status": "no_jobs"}, {"status": "no_reply"}


class Said(Session):
    """The library's session: one status after the other, the last one for ever."""

    def __init__(self, *statuses: Any) -> None:  # and no connection
        self.statuses = list(statuses)

    def get_client_job_status(self, client_names: Any = None) -> Any:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, Exception):
            raise status
        return [{"client_name": name, **what} for name, what in status.items()]


def session(monkeypatch: pytest.MonkeyPatch, *statuses: Any, sites: tuple[str, ...] = ("uni", "lab")) -> FlareSession:
    monkeypatch.setattr(flare, "LOOK", 0.0)
    made = FlareSession(Said(*statuses), Path("jobs"))
    made.sites = set(sites)
    return made


def test_a_site_that_does_not_answer_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"uni": IDLE, "lab": SILENT}, {"uni": BUSY, "lab": BUSY})
    assert [made.present(), made.present()] == [{"uni"}, {"uni", "lab"}]
    assert session(monkeypatch, api_spec.NoClientsAvailable()).present() == set()
    with pytest.raises(GoneError, match="the line is dead"):
        session(monkeypatch, RuntimeError("the line is dead\nand more")).present()


@pytest.mark.parametrize("lost", [SILENT, IDLE], ids=["gone", "gone and back without its part"])
def test_a_site_that_lost_its_part_breaks_the_job_once_that_is_sure(monkeypatch: pytest.MonkeyPatch, lost: Any) -> None:
    both, one = {"uni": BUSY, "lab": BUSY}, {"uni": BUSY, "lab": lost}
    made = session(monkeypatch, both, one, both, one, one)
    assert [made.broken(JOB) for _ in range(5)] == ["", "", "", "", "site 'lab' is gone"]


def test_a_site_that_has_not_begun_yet_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"uni": BUSY, "lab": IDLE})
    assert [made.broken(JOB) for _ in range(3)] == [""] * 3


def test_an_answer_that_is_late_as_a_site_comes_back_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    late = api_spec.NoConnection("cannot connect to server: ERROR_SERVER_CONNECTION")
    made = session(monkeypatch, {"uni": BUSY, "lab": BUSY}, late, {"uni": BUSY, "lab": BUSY})
    assert [made.broken(JOB) for _ in range(3)] == [""] * 3


def test_a_site_that_comes_back_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"uni": BUSY, "lab": SILENT}, {"uni": BUSY, "lab": IDLE}, sites=("uni",))
    assert [made.broken(JOB) for _ in range(3)] == ["", "", "site 'lab' came back"]
