"""What an engine offers beside carrying wires: keys, processes of its own, and jobs that are submitted and watched."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

from fedhca.engines.proxies import exempt
from fedhca.engines.server_folder import ServerFolder
from fedhca.engines.site_folder import SiteFolder
from fedhca.errors import RecipeError, unknown
from fedhca.experiment.recipe import Recipe
from fedhca.extras import require_extra
from fedhca.processes.process_group import require_groups
from fedhca.processes.supervision import Processes

ENGINES: Mapping[str, str] = {
    "flare": "fedhca.engines.flare.engine:Flare",
    "flower": "fedhca.engines.flower.engine:Flower",
}
"""The class of each; the extra of the same name brings its package."""


class Session(ABC):
    """A connection of the one who runs the server to the engine's server; each method may raise GoneError."""

    @abstractmethod
    def present(self) -> set[str]:
        """Return the sites that are connected."""

    @abstractmethod
    def submit(self, run: str, recipe: Recipe, sites: Sequence[str]) -> str:
        """Submit a run, from its checkpoint on, to these sites; return the job's id."""

    @abstractmethod
    def is_over(self, job: str) -> bool:
        """Tell whether a job has ended, well or not."""

    def broken(self, job: str) -> str:
        """Return why a job cannot go on, or not with all who are there; nothing if it can."""
        del job
        return ""

    @abstractmethod
    def abort(self, job: str) -> None:
        """End a job; nothing is said if that cannot be."""


class Engine(ABC):
    """One kind of network."""

    @abstractmethod
    def provision(self, federation: ServerFolder) -> dict[str, Path]:
        """Make keys and certificates; return, for each site, the folder of what it alone is given.

        The server keeps its own part, in the federation's engine folder, and no key of a site.

        Raises:
            FedhcaError: the engine could not make them.

        """

    @abstractmethod
    def serve(self, federation: ServerFolder) -> Processes:
        """Start the engine's server."""

    @abstractmethod
    def join(self, site: SiteFolder) -> Processes:
        """Start the engine's client at a site."""

    @abstractmethod
    def reach(self, site: SiteFolder) -> str:
        """Connect to the server as the site does; return a line that says what was proved.

        Raises:
            GoneError: there is no server.
            FedhcaError: it is another, or does not take this site.

        """

    @abstractmethod
    def lasting(self, owner: ServerFolder | SiteFolder) -> str:
        """Return a line on how long the certificates of the server, or of a site, last.

        Raises:
            FedhcaError: they have ended.

        """

    @abstractmethod
    def connect(self, federation: ServerFolder) -> AbstractContextManager[Session]:
        """Connect as the one who runs the server; GoneError while it does not answer."""


def engine_named(name: str) -> Engine:
    """Return an engine; from now on this process, and all that it starts, reach this machine without a proxy.

    Raises:
        RecipeError: there is none of this name.
        FedhcaError: its package is not installed, or this system cannot run it.

    """
    require_engine(name)
    os.environ.update(exempt(os.environ))
    return cast(Engine, resolve_name(ENGINES[name])())


def require_engine(name: str) -> None:
    """Raise RecipeError if there is no engine of this name, FedhcaError if it cannot run or is not installed here."""
    if name not in ENGINES:
        raise RecipeError(unknown("engine", name, ENGINES))
    require_groups()
    require_extra(name, f"A federation over {name}")
