"""The two objects Flower runs for us: one at each site, one at the server. No code is sent; a run is JSON."""

import logging

from filelock import FileLock
from flwr.app import Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedhca.engines.flower.carrier import CLIENT, Carrier, pack, unpack
from fedhca.engines.here import server_here, site_here
from fedhca.engines.serve import serve
from fedhca.engines.site import cause
from fedhca.engines.wire import Wire, to_wire
from fedhca.errors import ClientError
from fedhca.messages import Missing

log = logging.getLogger(__name__)

client = ClientApp()
server = ServerApp()


@client.train()
def answer(message: Message, context: Context) -> Message:
    """Answer a request for one client; whatever goes wrong is an answer, too."""
    wire = dict(unpack(message.content))
    name = str(wire.pop(CLIENT, ""))
    try:
        reply = _answer(name, wire, *_run(context))
    except Exception as error:
        log.exception("Client '%s' could not answer.", name)
        reply = to_wire(Missing(name, cause(error)))
    return Message(pack(reply), reply_to=message)


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
def main(grid: Grid, context: Context) -> None:
    """Run to the last round, or until something stops it."""
    place = server_here(*_run(context))

    def connected() -> dict[str, int]:
        if place.alone:  # states are on this machine's disk, so that any node may answer for any client
            return dict(zip(place.seats, sorted(grid.get_node_ids()), strict=True))
        there = {node.name: node.node_id for node in grid.get_nodes() if node.status == "online"}
        return {client: there[site] for client, site in place.seats.items() if site in there}

    serve(place.recipe, Carrier(grid, connected, place.recipe.timeout), place.folder)
