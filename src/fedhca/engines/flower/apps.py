"""The two objects Flower runs for us, one at each site, one at the server, and wires over its grid. No code is sent."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from filelock import FileLock
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid, ServerApp

from fedhca.engines.client_host import cause
from fedhca.engines.process_context import server_here, site_here
from fedhca.engines.serve import serve
from fedhca.errors import ClientError, GoneError
from fedhca.wire.encoding import Wire, to_wire
from fedhca.wire.messages import Missing

POLL = 0.5
"""Seconds between looks for answers."""
FOREVER = 10.0 * 24 * 3600
"""Seconds for an answer, where the recipe gives no time."""
MARGIN = 60.0
"""Seconds after that until Flower drops the message; what was too late is said by us, and not by its code."""
CLIENT = "asked"
"""The field beside a wire's own that says which of a node's clients is asked."""
REFUSED = {ErrorCode.CLIENT_APP_RAISED_EXCEPTION, ErrorCode.LOAD_CLIENT_APP_EXCEPTION, ErrorCode.INVALID_FAB}
"""Errors of a node that is there; all others say that it, or its process, is not."""


class FlowerTransport:
    """Carry wires.

    Args:
        grid: of the run.
        nodes: returns the node of each client whose site is connected.
        timeout: seconds a client has for one answer.

    """

    def __init__(self, grid: Grid, nodes: Callable[[], Mapping[str, int]], timeout: float | None) -> None:
        self.grid, self.nodes, self.timeout = grid, nodes, timeout

    def __call__(self, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire | Missing]]:
        """Ask all at once, and yield answers as they come."""
        nodes = self.nodes()
        for client in [client for client in wires if client not in nodes]:
            yield client, _gone(client, "its site is not connected.")
        beside = {client: sum(nodes[other] == nodes[client] for other in wires if other in nodes) for client in nodes}
        limits = {each: FOREVER if self.timeout is None else self.timeout * beside[each] for each in nodes}
        asked, began = {}, time.monotonic()
        for client, wire in wires.items():
            if client in nodes:
                content = to_record({**wire, CLIENT: client})
                # One at a time, so that one message is held twice and not all; in a list, as it is gone through twice.
                message = Message(content, nodes[client], "train", ttl=limits[client] + MARGIN)
                (number,) = self.grid.push_messages([message])
                asked[number] = client
        while asked:
            for number, client in list(asked.items()):
                for reply in self.grid.pull_messages([number]):
                    del asked[number]
                    yield client, _read(client, reply)
            for number, client in list(asked.items()):
                if time.monotonic() - began > limits[client]:
                    del asked[number]
                    yield client, Missing(client, f"no answer within {self.timeout:g} seconds.")
            time.sleep(POLL if asked else 0)


def _read(client: str, reply: Message) -> Wire | Missing:
    if not reply.has_error():
        return from_record(reply.content)
    if reply.error.code in REFUSED:
        return Missing(client, "its site could not run the app; its log says more.")
    return _gone(client, f"its process or its site is gone (Flower's code {reply.error.code}).")


def _gone(client: str, cause: str) -> Missing:
    return Missing(client, cause, GoneError(f"Client '{client}': {cause}"))


WORDS, ROWS = "words", "rows"


def to_record(wire: Wire) -> RecordDict:
    """Return a wire as it goes into a message."""
    rows = {name: Array(value) for name, value in wire.items() if isinstance(value, np.ndarray)}
    words: dict[str, Any] = {name: value for name, value in wire.items() if not isinstance(value, np.ndarray)}
    return RecordDict({WORDS: ConfigRecord(words), ROWS: ArrayRecord(rows)})


def from_record(content: RecordDict) -> Wire:
    """Return the wire in a message; an empty one if there is none in it."""
    words = content.config_records.get(WORDS, ConfigRecord())
    rows = content.array_records.get(ROWS, ArrayRecord())
    wire: dict[str, Any] = {**words, **{name: array.numpy() for name, array in rows.items()}}
    return wire


log = logging.getLogger(__name__)

client = ClientApp()
server = ServerApp()


@client.train()
def answer(message: Message, context: Context) -> Message:
    """Answer a request for one client; whatever goes wrong is an answer, too."""
    wire = dict(from_record(message.content))
    name = str(wire.pop(CLIENT, ""))
    try:
        reply = _answer(name, wire, *_run(context))
    except Exception as error:
        log.exception("Client '%s' could not answer.", name)
        reply = to_wire(Missing(name, cause(error)))
    return Message(to_record(reply), reply_to=message)


def _run(context: Context) -> tuple[str, str]:
    """Return a run's name and recipe; `flwr run` without either is a run of what was agreed on."""
    return str(context.run_config["run"]) or f"flower-{context.run_id}", str(context.run_config["recipe"])


def _answer(name: str, wire: Wire, run: str, text: str) -> Wire:
    seat = site_here(run, text)
    if name not in seat.site.makers:
        raise ClientError(f"This site hosts {', '.join(seat.site.makers)}. Asked for '{name}'.")
    # Flower starts a process for every message; a late one may still train here when the next one comes.
    with FileLock(seat.lock(name)):
        return seat.site.answer(name, wire)


@server.main()
def run_server(grid: Grid, context: Context) -> None:
    """Run to the last round, or until something stops it."""
    place = server_here(*_run(context))

    def connected() -> dict[str, int]:
        if place.alone:  # states are on this machine's disk, so that any node may answer for any client
            return dict(zip(place.seats, sorted(grid.get_node_ids()), strict=True))
        there = {node.name: node.node_id for node in grid.get_nodes() if node.status == "online"}
        return {client: there[site] for client, site in place.seats.items() if site in there}

    serve(place.recipe, FlowerTransport(grid, connected, place.recipe.timeout), place.folder)
