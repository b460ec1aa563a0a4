"""Who submits a run's job, watches it, and submits it again from the checkpoint when something died."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager

from fedhca.engines.engine import Engine, Session
from fedhca.engines.events import events, record_event
from fedhca.engines.server_folder import ServerFolder
from fedhca.errors import FedhcaError, GoneError, MissingReplyError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.storage.lock import in_use

POLL, REMIND = 1.0, 15.0
"""Seconds between looks, and between lines that say what is waited for."""
TRIES = 5
"""Jobs in a row that may end without one more round."""

Tell = Callable[[str], None]


def go(engine: Engine, federation: ServerFolder, recipe: Recipe, run: str, tell: Tell) -> Iterator[None]:
    """Run to the last round; yields whenever there may be something new in the run folder, which is held.

    Args:
        engine: of the federation.
        federation: whose server runs.
        recipe: of the run.
        run: its name.
        tell: is told what is waited for, what is gone, and what is back.

    Raises:
        FedhcaError: the run stopped for a reason that another try would not mend, or came no further in a few tries.
        RunFolderError: another command runs it.

    """
    with in_use(federation.run_folder(run)):
        yield from _go(engine, federation, recipe, run, tell)


def _go(engine: Engine, federation: ServerFolder, recipe: Recipe, run: str, tell: Tell) -> Iterator[None]:
    folder = RunFolder.create(federation.run_folder(run), recipe)
    tries, before, known, told = 0, -1, False, time.monotonic()
    while not folder.finished:
        seen, why, job = len(events(folder.path)), "", ""
        try:
            with _connected(engine, federation, tell, known) as session:
                known = True
                sites = yield from _those_who_take_part(session, federation, folder, tell)
                tries, before = (tries + 1, before) if len(folder.journal) == before else (1, len(folder.journal))
                if tries > TRIES:
                    message = f"Run '{run}' came no further in {TRIES} tries"
                    raise FedhcaError(f"{message}; the logs are in {federation.engine}.")
                job = session.submit(run, folder.recipe, sites)
                tell(f"{run}: submitted as job {job[:8]}, from round {before}")
                why = yield from _until_it_ends(session, job, folder, seen)
        except GoneError as error:  # perhaps only an answer was late: the next connection shows
            why = f"the connection to the server broke ({error})"
            if not job and time.monotonic() - told > REMIND:
                tell(f"{run}: {why}; connecting again")
                told = time.monotonic()
        stopped = [event for event in events(folder.path, seen) if event["what"] == "stopped"]
        if stopped:
            raise MissingReplyError(stopped[-1]["cause"])
        if job and not folder.finished:
            record_event(folder.path, "again")
            tell(f"{run}: {why or 'a process died'} after round {len(folder.journal)}; going on from there")


def _until_it_ends(session: Session, job: str, folder: RunFolder, seen: int) -> Generator[None, None, str]:
    """Yield until the job ends; end it where this one is ended, or where it is broken, and return why."""
    try:
        while not session.is_over(job):
            ends = {event["what"] for event in events(folder.path, seen)} & {"stopped", "done"}
            if "stopped" in ends:
                session.abort(job)
            if ends:  # an engine may take a while to say so, too
                return ""
            why = "" if folder.finished else session.broken(job)
            if why:
                session.abort(job)
                return why
            time.sleep(POLL)
            yield
        return ""
    except (GeneratorExit, KeyboardInterrupt):
        session.abort(job)
        raise


def _those_who_take_part(
    session: Session, federation: ServerFolder, folder: RunFolder, tell: Tell
) -> Generator[None, None, list[str]]:
    """Wait until every site is there; under `keep`, once there is a checkpoint, for a while and for enough of them."""
    told, began, recipe, missed = 0.0, time.monotonic(), folder.recipe, set[str]()
    while True:
        there = session.present()
        sites = [site for site in federation.facts.sites if site in there]
        absent = [site for site in federation.facts.sites if site not in there]
        for site in sorted(missed - {*absent}):
            tell(f"site '{site}' is {'back' if folder.journal else 'here'}")
        missed = {*absent}
        clients = sum(len(federation.facts.sites[site]) for site in sites)
        enough = recipe.on_missing == "keep" and folder.journal and clients >= recipe.min_clients
        if not absent or (enough and time.monotonic() - began > REMIND):
            if absent:
                tell(f"going on without {', '.join(absent)}")
            return sites
        if time.monotonic() - told > REMIND:
            tell(f"waiting for {', '.join(absent)} (fedhca site start)")
            told = time.monotonic()
        time.sleep(POLL)
        yield


@contextmanager
def _connected(engine: Engine, federation: ServerFolder, tell: Tell, known: bool) -> Iterator[Session]:
    """Connect as soon as the server answers; `known` is whether it did before."""
    told = 0.0
    with ExitStack() as stack:
        while True:
            try:
                session = stack.enter_context(engine.connect(federation))
                break
            except GoneError as error:
                if time.monotonic() - told > REMIND:
                    gone = "the server is gone; " if known and not told else ""
                    tell(f"{gone}waiting for the server (fedhca server start --at {federation.path}): {error}")
                    told = time.monotonic()
                time.sleep(POLL)
        if known and told:
            tell("the server is back")
        yield session
