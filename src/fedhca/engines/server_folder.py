"""A federation between sites, as its server keeps it: who is where, the agreed recipe, and the runs.

DIR/federation.yaml        engine, address, and which site hosts which clients
DIR/recipe.yaml            what all have agreed on; no place of any machine is in it
DIR/kits/SITE.zip          what each site is given
DIR/engine/                keys, workspace and logs of the engine
DIR/runs/NAME/             run folders, as of any run
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from fedhca.config.owner import ELSEWHERE, is_path, redacted, set_by_site
from fedhca.config.section import NAME, Section, read_section
from fedhca.errors import RecipeError, RunFolderError, unknown
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe, load_recipe, to_yaml, validate
from fedhca.storage.atomic import write_atomically

FILE, RECIPE, KITS, ENGINE, RUNS = "federation.yaml", "recipe.yaml", "kits", "engine", "runs"
EngineName = Literal["flare", "flower"]
Seats = Mapping[str, Sequence[str]]
"""Each site's clients."""


SITE = "[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*"
RESERVED = {"server", "all"}
"""Words that an engine has for others than a site."""


class ServerFacts(Section):
    """What is in federation.yaml."""

    engine: EngineName = "flare"
    host: str = "localhost"
    port: int = 8002
    sites: dict[str, tuple[str, ...]]

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not re.fullmatch(HOST, host):
            rule = "the host should be a name such as fl.example.org, or an IPv4 address"
            raise ValueError(f"{rule}, of 253 letters at most, 63 between dots; found '{host}'")
        return host

    @field_validator("sites")
    @classmethod
    def _are_names(cls, sites: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for site in sites:
            if not re.fullmatch(SITE, site) or site.lower() in RESERVED:
                rule = (
                    "the name of a site should be at most 63 letters, digits, - and _, and neither 'server' nor 'all'"
                )
                raise ValueError(f"{rule}; found '{site}': give it another, NAME=CLIENT")
        return sites


@dataclass(frozen=True)
class ServerFolder:
    """The server's folder.

    Attributes:
        path: of the folder.
        facts: engine, address and sites.
        recipe: agreed on.

    """

    path: Path
    facts: ServerFacts
    recipe: Recipe

    @classmethod
    def create(cls, path: Path, recipe: Recipe, facts: ServerFacts) -> "ServerFolder":
        """Write a new federation's folder.

        Raises:
            RunFolderError: there is one already, or it cannot be written.
            RecipeError: a client has no site, or two.

        """
        _require_seats(facts.sites, recipe)
        if (path / FILE).exists():
            raise RunFolderError(f"'{path}' holds a federation already. Choose another --out, or remove the folder.")
        agreed = shareable(recipe)
        write_atomically(path / RECIPE, to_yaml(dump_recipe(agreed)).encode())
        write_atomically(path / FILE, to_yaml(facts.model_dump(mode="json")).encode())
        return cls(path, facts, agreed)

    @classmethod
    def open(cls, path: Path) -> "ServerFolder":
        """Open the folder of a federation; RunFolderError if it is none."""
        if not (path / FILE).is_file():
            raise RunFolderError(f"'{path}' should hold a federation. Found no {FILE}. Make one: fedhca server init.")
        facts = read_section(path / FILE, ServerFacts, "Federation")
        return cls(path, facts, shareable(load_recipe(path / RECIPE)))

    @property
    def seats(self) -> dict[str, str]:
        """The site of each client."""
        return {client: site for site, clients in self.facts.sites.items() for client in clients}

    @property
    def engine(self) -> Path:
        """Where the engine's files are, wherever its processes run."""
        return (self.path / ENGINE).resolve()

    def run_folder(self, name: str) -> Path:
        """Return where a run of this name is kept; RecipeError if it cannot be a name."""
        return self.path / RUNS / run_name(name)


def shareable(recipe: Recipe) -> Recipe:
    """Return a recipe without what each machine sets for itself, as others get to see it."""
    values = dump_recipe(recipe)
    for (*path, last), value in set_by_site(recipe).items():
        holder: Any = values
        for part in path:
            holder = holder[part]
        if is_path(value):
            holder[last] = ELSEWHERE
        else:
            del holder[last]
    return validate(redacted(values), RECIPE)


def run_name(name: str) -> str:
    """Return the name of a run; RecipeError if it could lead out of its folder."""
    if not re.fullmatch(NAME, name):
        raise RecipeError(f"The name of a run should be letters, digits, dots and dashes. Found {name!r}.")
    return name


def seated(words: Sequence[str], recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Return each site's clients from words such as `hospital-a`, which hosts the client of that name, or `uni=a+b`.

    >>> from fedhca import load_recipe
    >>> recipe = load_recipe("synthetic-rooms-st")
    >>> seated(["uni=rooms-semseg+rooms-depth", "rooms-normals", "rooms-edge"], recipe)["uni"]
    ('rooms-semseg', 'rooms-depth')

    Raises:
        RecipeError: a client has no site, or two, or there is no such client.

    """
    sites: dict[str, tuple[str, ...]] = {}
    for word in words:
        site, equals, clients = word.partition("=")
        if site.lower() in map(str.lower, sites):  # kits are files; some disks do not tell such names apart
            raise RecipeError(f"Each site should be named once, in capital letters or not. Found '{site}' twice.")
        sites[site] = tuple(clients.split("+")) if equals else (site,)
    _require_seats(sites, recipe)
    return sites


def _require_seats(sites: Seats, recipe: Recipe) -> None:
    known = [client.name for client in recipe.roster]
    placed = [client for clients in sites.values() for client in clients]
    for client in placed:
        if client not in known:
            raise RecipeError(f"{unknown('client', client, known)} A site hosts clients: SITE=CLIENT+CLIENT.")
        if placed.count(client) > 1:
            raise RecipeError(f"Client '{client}' should be at one site. Found it at two.")
    absent = [client for client in known if client not in placed]
    if absent:
        raise RecipeError(f"Every client should be at a site. Found none for {', '.join(absent)}. Add SITE=CLIENT.")
