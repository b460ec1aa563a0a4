"""The two objects FLARE runs for us: one at each site, one at the server. A job names them; no code is sent."""

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from nvflare.collab import collab

from fedhca.engines.client_host import cause
from fedhca.engines.process_context import server_here, site_here
from fedhca.engines.serve import serve
from fedhca.errors import FedhcaError, GoneError
from fedhca.wire.encoding import Wire, to_wire
from fedhca.wire.messages import Missing

SERVER_S_NAME = "server"
"""What FLARE calls the server's part of a job."""
FOREVER = 10**7
"""Seconds; FLARE gives up after a minute unless told otherwise."""

log = logging.getLogger(__name__)


class SiteApp:
    """At a site: answers for its clients, as long as the job lasts.

    Args:
        recipe: of the run, as JSON.
        run: its name.

    """

    def __init__(self, recipe: str = "", run: str = "") -> None:
        self.recipe, self.run = recipe, run

    @collab.init
    def start(self) -> None:
        """Open the site's folder; what is wrong with it, or with what is asked for, is told at the first request."""
        self.site = None
        try:
            self.site = site_here(self.run, self.recipe).site
        except FedhcaError as error:
            log.error("%s", error)
            self.refusal = cause(error)

    @collab.publish
    def answer(self, client: str, wire: dict[str, Any]) -> dict[str, Any]:
        """Answer a request of the server for one client; FLARE lets other sites call, too."""
        if collab.caller != SERVER_S_NAME:
            return to_wire(Missing(client, "only the server may ask."))
        if self.site is None:
            return to_wire(Missing(client, self.refusal))
        return dict(self.site.answer(client, wire))


class ServerApp:
    """At the server: the rounds. What they come to is in the run folder, where whoever submitted the job looks.

    Args:
        recipe: of the run, as JSON.
        run: its name.

    """

    def __init__(self, recipe: str = "", run: str = "") -> None:
        self.recipe, self.run = recipe, run

    @collab.main
    def main(self) -> None:
        """Run to the last round, or until something stops it; the reason is in the events of the run."""
        place = server_here(self.run, self.recipe)
        serve(place.recipe, FlareTransport(place.seats, place.recipe.timeout), place.folder)


class FlareTransport:
    """Carry wires to the sites of their clients.

    Args:
        seats: the site of each client.
        timeout: seconds a client has for one answer.

    """

    def __init__(self, seats: Mapping[str, str], timeout: float | None) -> None:
        self.seats, self.timeout = seats, timeout

    def __call__(self, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire | Missing]]:
        """Ask all at once, and yield answers as they come; a site with several clients answers one after the other."""
        there = {proxy.name for proxy in collab.clients}
        for client in [client for client in wires if self.seats[client] not in there]:
            yield client, Missing(client, f"its site '{self.seats[client]}' is not connected.")
        wires = {client: wire for client, wire in wires.items() if self.seats[client] in there}
        beside = {client: sum(self.seats[other] == self.seats[client] for other in wires) for client in wires}
        limits = {client: FOREVER if self.timeout is None else self.timeout * beside[client] for client in wires}
        began = time.monotonic()
        asked = {
            client: collab.get_clients([self.seats[client]])(blocking=False, timeout=limits[client]).answer(
                client, dict(wire)
            )
            for client, wire in wires.items()
        }
        pool = ThreadPoolExecutor(max(1, len(asked)))
        try:
            waiting = {pool.submit(list, answers): client for client, answers in asked.items()}
            for come in as_completed(list(waiting)):
                client = waiting.pop(come)
                yield from ((client, answer) for _, answer in come.result())
                for error in asked.pop(client).failures.values():
                    late = time.monotonic() - began >= limits[client]
                    yield client, Missing(client, _cause(client, error, self.timeout if late else None))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # where one is gone, nobody waits for the others


def _cause(client: str, error: Any, timeout: float | None) -> str:
    """Say in one line what FLARE says in many; a remote traceback stays in its log.

    Args:
        client: that did not answer.
        error: FLARE's.
        timeout: the time that has passed; none if it has not.

    Raises:
        GoneError: the job is over for all, as FLARE ends it when a process of it dies; no policy helps.

    """
    kind = getattr(error, "cause_type", type(error).__name__)
    log.error("Client '%s': %s: %s", client, kind, error)
    if kind == "TimeoutError" and timeout is not None:
        return f"no answer within {timeout:g} seconds."
    # A process that died is called a timeout, too, long before its time.
    raise GoneError(f"Client '{client}': {kind}")
