"""The administrator's connection to FLARE's server, and a run as a job: a few lines of JSON, in which no code is."""

import contextlib
import io
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nvflare.collab import CollabRecipe
from nvflare.fuel.flare_api import api_spec
from nvflare.fuel.flare_api.flare_api import Session, new_secure_session

from fedhca.engines import engine
from fedhca.engines.flare.apps import ServerApp, SiteApp
from fedhca.engines.flare.provision import ADMIN
from fedhca.errors import GoneError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe

SYNC = 600
"""Seconds that sites have to start their processes."""


def write_job(folder: Path, run: str, recipe: Recipe, sites: int) -> Path:
    """Write the job of a run; return its folder.

    Args:
        folder: of jobs; one of this name is replaced.
        run: name of the run.
        recipe: of the run.
        sites: how many there are; all take part.

    """
    text = json.dumps(dump_recipe(recipe))
    job = CollabRecipe(
        job_name=run, server=ServerApp(text, run), client=SiteApp(text, run), min_clients=sites, sync_task_timeout=SYNC
    )
    shutil.rmtree(folder / run, ignore_errors=True)
    job.export(str(folder))
    for code in list((folder / run).rglob("custom")):
        shutil.rmtree(code)  # the library packs the source of our objects; sites have it installed
    return folder / run


GONE = (
    *(RuntimeError, OSError, api_spec.InternalError, api_spec.SessionClosed, api_spec.NoReply),
    *(api_spec.NoClientsAvailable, api_spec.JobNotFound, api_spec.AuthenticationError),
)
"""What its library raises in the middle of a session."""

LOOK = 4.0
"""Seconds between looks at what every site is doing."""
SILENT = "no_reply"
"""What FLARE says of a site that it knows and that does not answer."""

Value = TypeVar("Value")


class FlareSession(engine.Session):
    """A session with FLARE's server.

    Args:
        session: of the library.
        jobs: folder where jobs are written.

    """

    def __init__(self, session: Session, jobs: Path) -> None:
        self.session, self.jobs = session, jobs
        self.sites: set[str] = set()
        self.began: set[str] = set()
        self.suspects: dict[str, str] = {}
        self.looked = 0.0

    def present(self) -> set[str]:
        """Return the sites that answer; the server's own list has the dead ones for ten minutes more."""
        return {each["client_name"] for each in self._status() if each.get("status") != SILENT}

    def broken(self, job: str) -> str:
        """Return which site has lost its part in a job, or came to have none: FLARE lets nobody into a running job."""
        if time.monotonic() - self.looked < LOOK:
            return ""
        self.looked = time.monotonic()
        try:
            status = self._status()
        except (
            GoneError
        ):  # a site that just comes back keeps the server from answering; `is_over` knows if that is gone
            return ""
        taking = {each["client_name"] for each in status if each.get("job_id") == job}
        there = {each["client_name"] for each in status if each.get("status") != SILENT}
        self.began |= taking
        suspects = dict.fromkeys(self.began - taking, "is gone") | dict.fromkeys(there - self.sites, "came back")
        # Twice in a row, as a job that just ends looks the same.
        sure = {site: what for site, what in suspects.items() if self.suspects.get(site) == what}
        self.suspects = suspects
        return ", ".join(f"site '{site}' {what}" for site, what in sorted(sure.items()))

    def _status(self) -> list[dict[str, Any]]:
        try:
            return self.session.get_client_job_status() or []
        except api_spec.NoClientsAvailable:
            return []
        except api_spec.NoConnection as error:
            raise GoneError("no answer in time") from error
        except GONE as error:
            raise GoneError(_short(error)) from error

    def submit(self, run: str, recipe: Recipe, sites: Sequence[str]) -> str:
        """Submit a run."""
        self.sites, self.began, self.suspects = set(sites), set(), {}
        return str(_asked(self.session.submit_job, str(write_job(self.jobs, run, recipe, len(sites)))))

    def is_over(self, job: str) -> bool:
        """Tell whether a job has ended."""
        return str(_asked(self.session.get_job_meta, job).get("status", "")).startswith("FINISHED")

    def abort(self, job: str) -> None:
        """End a job."""
        with contextlib.suppress(GoneError):
            _asked(self.session.abort_job, job)


@contextlib.contextmanager
def connect(place: Path) -> Iterator[FlareSession]:
    """Connect to the server.

    Args:
        place: the federation's engine folder.

    Raises:
        GoneError: it does not answer.

    """
    logging.getLogger().addHandler(logging.NullHandler())  # FLARE's words about a server that is not there yet
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            session = new_secure_session(ADMIN, str(place / "admin"))
    except Exception as error:  # whatever it is, there is no server to talk to
        raise GoneError(_short(error)) from error
    try:
        yield FlareSession(session, place / "jobs")
    finally:
        with contextlib.suppress(Exception):  # the other side may be gone already
            session.close()


def _asked(call: Callable[..., Value], *arguments: Any) -> Value:
    try:
        return call(*arguments)
    except GONE as error:
        raise GoneError(_short(error)) from error


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
