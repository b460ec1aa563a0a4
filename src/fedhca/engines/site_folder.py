"""A site's folder: what was agreed, what only this site knows, and what never leaves it.

DIR/site.yaml              name, clients, and where this site's data and devices are
DIR/recipe.yaml            what all have agreed on
DIR/engine/                keys, workspace and logs of the engine
DIR/runs/RUN/CLIENT/       each client's states: heads, buffers, moments
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fedhca.atomic import write_atomically
from fedhca.client.client import Client
from fedhca.engines.agreement import require_agreed
from fedhca.engines.federation import ENGINE, RECIPE, RUNS, EngineName, run_name
from fedhca.engines.site import Site
from fedhca.engines.site_run import SiteRun
from fedhca.errors import FedhcaError, RecipeError, RunFolderError
from fedhca.experiment import build
from fedhca.experiment.config import Recipe
from fedhca.experiment.places import ELSEWHERE
from fedhca.experiment.recipes import as_begun, dump_recipe, load_recipe, to_yaml, validate
from fedhca.section import Name, Section, read_section

FILE = "site.yaml"
BACKBONE = re.compile(r"(clients\.\d+\.)?model\.backbone")
OWN = re.compile(rf"datasets\.[^.=]+\.(root|cache|path)|device|training\.workers|{BACKBONE.pattern}")
"""What a site says for itself; all else is agreed on."""


class Facts(Section):
    """What is in site.yaml."""

    name: Name
    clients: tuple[str, ...]
    engine: EngineName = "flare"
    set: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteFolder:
    """A site's folder.

    Attributes:
        path: of the folder.
        facts: about the site.
        agreed: the recipe all have agreed on, with what this site says for itself.

    """

    path: Path
    facts: Facts
    agreed: Recipe

    @classmethod
    def open(cls, path: Path) -> "SiteFolder":
        """Open the folder of a site.

        Raises:
            RunFolderError: it is none.
            RecipeError: site.yaml says something that is not the site's to say, or that cannot be.

        """
        if not (path / FILE).is_file():
            raise RunFolderError(f"'{path}' should hold a site. Found no {FILE}. Make one of a kit: fedhca site init.")
        facts = read_section(path / FILE, Facts, "Site")
        return cls(path, facts, load_recipe(path / RECIPE, own(facts.set)))

    @property
    def engine(self) -> Path:
        """Where the engine's files are."""
        return self.path / ENGINE

    def say(self, changes: Sequence[str]) -> "SiteFolder":
        """Write down what this site says for itself."""
        merged = {change.partition("=")[0]: change for change in (*self.facts.set, *map(_absolute, own(changes)))}
        facts = self.facts.model_copy(update={"set": tuple(merged.values())})
        load_recipe(self.path / RECIPE, facts.set)  # which refuses what cannot be, before it is written down
        write_atomically(self.path / FILE, to_yaml(facts.model_dump(mode="json")).encode())
        return SiteFolder.open(self.path)

    def require_places(self) -> None:
        """Raise RecipeError if the site has not said where something is that its clients need."""
        mine = [
            (number, client)
            for number, client in enumerate(self.agreed.clients)
            if any(each.name in self.facts.clients for each in client.spelt_out)
        ]
        places = {
            f"datasets.{name}.{key}": getattr(self.agreed.datasets[name], key, None)
            for name in sorted({client.dataset for _, client in mine})
            for key in ("root", "cache", "path")
        }
        for number, client in mine:
            own_backbone = client.model is not None and client.model.backbone is not None
            key = f"clients.{number}.model.backbone" if own_backbone else "model.backbone"
            places[key] = self.agreed.model_of(client).backbone
        for key, place in places.items():
            if str(place) == ELSEWHERE:
                expected = f"'{self.path / FILE}' should say where `{key}` is on this machine"
                raise RecipeError(f"{expected}. Found nothing: add `{key}=/your/folder` to `set`.")

    def recipe(self, sent: Any, run: str) -> Recipe:
        """Return the recipe of a run that the server asks for, with what this site says for itself.

        Args:
            sent: the recipe; what was agreed on, unchanged, if it is none.
            run: its name.

        Raises:
            RecipeError: it is not what was agreed on.

        """
        agreed = load_recipe(self.path / RECIPE)
        asked = agreed if sent is None else as_begun(validate(sent, f"of run {run}"))
        require_agreed(agreed, asked, run)
        place, mine = self.path / RUNS / run_name(run) / RECIPE, asked.model_copy(update={"device": agreed.device})
        if place.is_file() and not _holds(place, mine):  # another run of that name, whose models are not this one's
            place.parent.rename(place.parent.with_name(f"{run}-until-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
        write_atomically(place, to_yaml(dump_recipe(mine)).encode())
        return load_recipe(place, own(self.facts.set))

    def run(self, name: str) -> SiteRun:
        """Open a run that this site took part in; RunFolderError if there is none."""
        path = self.path / RUNS / run_name(name)
        if not (path / RECIPE).is_file():
            known = ", ".join(sorted(each.parent.name for each in (self.path / RUNS).glob(f"*/{RECIPE}"))) or "none"
            raise RunFolderError(f"Site '{self.facts.name}' should have taken part in run '{name}'. Found {known}.")
        return SiteRun(path, load_recipe(path / RECIPE, own(self.facts.set)))

    def site(self, recipe: Recipe, run: str) -> Site:
        """Return the site as it answers in one run; its clients go on from the states on this disk."""
        self.require_places()
        return host(recipe, self.facts.clients, self.path / RUNS / run)


def host(recipe: Recipe, clients: Iterable[str], folder: Path) -> Site:
    """Return a site that answers for these clients; they go on from their states in the folder."""
    make = cache(lambda: build.build_clients(recipe))

    def made(name: str) -> Client:
        (participant,) = build.build_participants(recipe, [name])
        return make()(participant, folder / name)

    keep = SiteRun(folder, recipe).keep
    return Site({name: lambda name=name: made(name) for name in clients}, keep)  # type: ignore[misc]


def _holds(place: Path, recipe: Recipe) -> bool:
    """Tell whether a file holds a recipe, in whichever version's words."""
    try:
        return as_begun(load_recipe(place)) == recipe
    except FedhcaError:
        return False


def _absolute(change: str) -> str:
    """Make a place absolute: the engine's processes run in another folder than the one in which it was said."""
    key, _, value = change.partition("=")
    may_be = key.endswith(".path") or BACKBONE.fullmatch(key) is not None  # a folder, or a name of the hub
    is_place = key.endswith((".root", ".cache")) or (may_be and Path(value).expanduser().is_dir())
    return f"{key}={Path(value).expanduser().absolute()}" if is_place else change


def own(changes: Sequence[str]) -> list[str]:
    """Return the changes; RecipeError if one is not the site's to make."""
    for change in changes:
        key = change.partition("=")[0]
        if not OWN.fullmatch(key):
            places = "datasets.NAME.root, datasets.NAME.path, datasets.NAME.cache"
            allowed = f"{places}, device, training.workers, or [clients.N.]model.backbone"
            raise RecipeError(f"A site should say {allowed} for itself. Found `{key}`, which all have agreed on.")
    return list(changes)
