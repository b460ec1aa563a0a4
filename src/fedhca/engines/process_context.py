"""Which folder this process works on: its owner said so in the environment, and no message can say otherwise.

A site's processes know their site, the server's theirs. Where one machine plays all sites (an engine's simulation),
server and clients work on one run folder.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedhca.engines.client_host import ClientHost
from fedhca.engines.server_folder import RUNS, ServerFolder
from fedhca.engines.site_folder import SiteFolder, host
from fedhca.experiment.drive import CLIENTS
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import validate
from fedhca.experiment.run_folder import RunFolder
from fedhca.processes.supervision import RUN, SERVER, SITE


@dataclass(frozen=True)
class ServerProcess:
    """The server of a run.

    Attributes:
        recipe: of the run.
        folder: of the run.
        seats: the site of each client; each is a site of its own where one machine plays all.
        alone: whether one machine plays all sites.

    """

    recipe: Recipe
    folder: Path
    seats: Mapping[str, str]
    alone: bool


def server_here(run: str, text: str) -> ServerProcess:
    """Return the server of a run.

    Args:
        run: its name.
        text: its recipe as JSON; what was agreed on if empty.

    """
    if RUN in os.environ:
        alone = RunFolder.open(Path(os.environ[RUN]))
        return ServerProcess(
            alone.recipe, alone.path, {each.name: each.name for each in alone.recipe.roster}, alone=True
        )
    federation = ServerFolder.open(Path(os.environ[SERVER]))
    recipe = validate(json.loads(text), f"of run {run}") if text else federation.recipe
    folder = RunFolder.create(federation.run_folder(run), recipe)
    return ServerProcess(recipe, folder.path, federation.seats, alone=False)


@dataclass(frozen=True)
class SiteProcess:
    """A site in a run.

    Attributes:
        site: that answers.
        folder: with its clients' states.
        alone: whether one machine plays all sites.

    """

    site: ClientHost
    folder: Path
    alone: bool

    def lock(self, client: str) -> Path:
        """Return the file to hold while a client answers; a site's clients take turns on its device."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / (f"{client}.lock" if self.alone else "lock")


def site_here(run: str, text: str) -> SiteProcess:
    """Return the site as it answers in a run.

    Args:
        run: its name.
        text: its recipe as JSON; what was agreed on if empty.

    Raises:
        FedhcaError: the site's folder is not in order, or the run is not what was agreed on.

    """
    if RUN in os.environ:
        alone = RunFolder.open(Path(os.environ[RUN]))
        folder = alone.path / CLIENTS
        return SiteProcess(host(alone.recipe, [each.name for each in alone.recipe.roster], folder), folder, alone=True)
    place = SiteFolder.open(Path(os.environ[SITE]))
    recipe = place.recipe(json.loads(text) if text else None, run)
    return SiteProcess(place.site(recipe, run), place.path / RUNS / run, alone=False)
