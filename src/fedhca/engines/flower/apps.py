"""The two objects Flower runs for us: one at each site, one at the server. No code is sent; a run is JSON.

Which folder they work on is not in the run, but in the environment of the process that the folder's owner started: a
site's, the server's, or, where one machine plays all sites (Flower's simulation), that of the run.
"""

import json
import logging
import os
from pathlib import Path

from filelock import FileLock
from flwr.app import Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedhca.engines.federation import RUNS, Federation, conduct
from fedhca.engines.flower.carrier import CLIENT, Carrier
from fedhca.engines.flower.packing import pack, unpack
from fedhca.engines.processes import RUN, SERVER, SITE
from fedhca.engines.site import cause
from fedhca.engines.site_folder import SiteFolder, host
from fedhca.engines.wire import Wire, to_wire
from fedhca.errors import ClientError
from fedhca.experiment.recipes import validate
from fedhca.experiment.run import CLIENTS
from fedhca.experiment.run_folder import RunFolder
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
        reply = _answer(name, wire, str(context.run_config["run"]), str(context.run_config["recipe"]))
    except Exception as error:
        log.exception("Client '%s' could not answer.", name)
        reply = to_wire(Missing(name, cause(error)))
    return Message(pack(reply), reply_to=message)


def _answer(name: str, wire: Wire, run: str, text: str) -> Wire:
    if RUN in os.environ:
        folder = RunFolder.open(Path(os.environ[RUN]))
        names = [each.name for each in folder.recipe.roster]
        site, lock = host(folder.recipe, names, folder.path / CLIENTS), folder.path / CLIENTS / f"{name}.lock"
    else:
        place = SiteFolder.open(Path(os.environ[SITE]))
        site, lock = place.site(place.recipe(json.loads(text) if text else None, run), run), place.path / RUNS / "lock"
    if name not in site.makers:
        raise ClientError(f"This site hosts {', '.join(site.makers)}. Asked for '{name}'.")
    lock.parent.mkdir(parents=True, exist_ok=True)
    # Flower starts a process for every message; a late one still trains here when the next comes.
    with FileLock(lock):
        return site.answer(name, wire)


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Run to the last round, or until something stops it."""
    run, text = str(context.run_config["run"]), str(context.run_config["recipe"])
    if RUN in os.environ:
        folder = RunFolder.open(Path(os.environ[RUN]))
        names = [each.name for each in folder.recipe.roster]
        # Clients' states are on this machine's disk, so that any node may answer for any client.
        nodes = dict(zip(names, sorted(grid.get_node_ids()), strict=True))
        conduct(folder.recipe, Carrier(grid, lambda: nodes, folder.recipe.timeout), folder.path)
        return
    federation = Federation.open(Path(os.environ[SERVER]))
    recipe = validate(json.loads(text), run) if text else federation.recipe

    def connected() -> dict[str, int]:
        there = {node.name: node.node_id for node in grid.get_nodes() if node.status == "online"}
        return {client: there[site] for client, site in federation.seats.items() if site in there}

    conduct(recipe, Carrier(grid, connected, recipe.timeout), federation.run_folder(run))
