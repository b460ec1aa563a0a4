"""Who submits the job, watches it, and submits it again from the checkpoint when something died."""

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from nvflare.fuel.flare_api import api_spec
from nvflare.fuel.flare_api.flare_api import Session, new_secure_session

from fedhca.engines.events import events, note
from fedhca.engines.federation import Federation
from fedhca.engines.flare.jobs import write_job
from fedhca.engines.flare.kits import ADMIN
from fedhca.errors import FedhcaError, MissingReplyError
from fedhca.experiment.config import Recipe
from fedhca.experiment.run_folder import RunFolder

POLL, REMIND = 1.0, 15.0
"""Seconds between looks, and between lines that say what is waited for."""
TRIES = 5
"""Jobs in a row that may end without one more round."""

FLARE_IS_GONE = (
    RuntimeError,
    OSError,
    api_spec.InternalError,
    api_spec.SessionClosed,
    api_spec.NoReply,
    api_spec.NoClientsAvailable,
    api_spec.JobNotFound,
    api_spec.AuthenticationError,
)
"""What its library raises in the middle of a session."""

Tell = Callable[[str], None]


def go(federation: Federation, recipe: Recipe, run: str, tell: Tell) -> Iterator[None]:
    """Run to the last round over FLARE; yields whenever there may be something new in the run folder.

    Args:
        federation: whose server runs.
        recipe: of the run.
        run: its name.
        tell: is told what is waited for, and what died.

    Raises:
        FedhcaError: the run stopped for a reason that another try would not mend, or came no further in a few tries.

    """
    logging.getLogger().addHandler(logging.NullHandler())  # FLARE's words about a server that is not there yet
    folder = RunFolder.create(federation.run_folder(run), recipe)
    job = write_job(federation.engine / "jobs", run, folder.recipe, len(federation.facts.sites))
    tries, before = 0, -1
    while not folder.finished:
        tries, before = (tries + 1, before) if len(folder.journal) == before else (1, len(folder.journal))
        if tries > TRIES:
            raise FedhcaError(f"Run '{run}' came no further in {TRIES} tries; the logs are in {federation.engine}.")
        seen = len(events(folder.path))
        try:
            with _session(federation, tell) as session:
                yield from _everybody(session, federation, tell)
                number = session.submit_job(str(job))
                tell(f"{run}: submitted as job {number[:8]}, from round {before}")
                yield from _until_it_ends(session, number, folder)
        except FLARE_IS_GONE as error:
            tell(f"{run}: the server is gone ({_short(error)})")
        stopped = [event for event in events(folder.path, seen) if event["what"] == "stopped"]
        if stopped:
            raise MissingReplyError(stopped[-1]["cause"])
        if not folder.finished:
            note(folder.path, "again")
            tell(f"{run}: a process died after round {len(folder.journal)}; going on from there")


def _until_it_ends(session: Session, number: str, folder: RunFolder) -> Iterator[None]:
    """Yield until the job ends; end it where this one is ended."""
    try:
        while not str(session.get_job_meta(number).get("status", "")).startswith("FINISHED"):
            time.sleep(POLL)
            yield
    except (GeneratorExit, KeyboardInterrupt):
        _quietly(session.abort_job, number)
        raise


def _everybody(session: Session, federation: Federation, tell: Tell) -> Iterator[None]:
    """Wait until every site is there."""
    told = 0.0
    while True:
        there = {client.name for client in session.get_system_info().client_info}
        absent = [site for site in federation.facts.sites if site not in there]
        if not absent:
            return
        if time.monotonic() - told > REMIND:
            tell(f"waiting for {', '.join(absent)} (fedhca site start)")
            told = time.monotonic()
        time.sleep(POLL)
        yield


@contextlib.contextmanager
def _session(federation: Federation, tell: Tell) -> Iterator[Session]:
    """Connect as the administrator, once the server answers."""
    place, told, session = federation.engine / "admin", 0.0, None
    while session is None:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                session = new_secure_session(ADMIN, str(place))
        except Exception as error:
            if time.monotonic() - told > REMIND:
                tell(f"waiting for the server (fedhca server start {federation.path}): {_short(error)}")
                told = time.monotonic()
            time.sleep(POLL)
    try:
        yield session
    finally:
        _quietly(session.close)


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _quietly(call: Callable[..., Any], *arguments: Any) -> None:
    """Call what may fail because the other side is gone already."""
    with contextlib.suppress(Exception):
        call(*arguments)
