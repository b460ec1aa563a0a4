"""A site's folder: what was agreed, what only this site knows, and what never leaves it.

DIR/site.yaml              name, clients, and where this site's data and devices are
DIR/recipe.yaml            what all have agreed on
DIR/engine/                keys, workspace and logs of the engine
DIR/runs/RUN/CLIENT/       each client's states: heads, buffers, moments
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fedhca.client.client import Client
from fedhca.config.owner import ELSEWHERE, Key, Owner, is_path, set_by_site, site_fields, with_site_fields
from fedhca.config.section import Name, Section, read_section
from fedhca.engines.agreement import require_agreed
from fedhca.engines.client_host import ClientHost
from fedhca.engines.server_folder import ENGINE, RECIPE, RUNS, EngineName, run_name
from fedhca.engines.site_run import SiteRun
from fedhca.errors import FedhcaError, RecipeError, RunFolderError
from fedhca.experiment import build
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import as_begun, dump_recipe, load_recipe, to_yaml, validate
from fedhca.storage.atomic import write_atomically

FILE = "site.yaml"


class SiteFacts(Section):
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
    facts: SiteFacts
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
        facts = read_section(path / FILE, SiteFacts, "Site")
        agreed = load_recipe(path / RECIPE)
        for key, value in set_by_site(agreed).items():
            if is_path(value):
                mend = "Ask the server for another kit; if it is a name of the hub, start in another folder"
                expected = f"'{path / RECIPE}' should name no place here"
                raise RunFolderError(f"{expected}. Found {_found(key, value)}. {mend}.")
        return cls(path, facts, load_recipe(path / RECIPE, own(facts.set, agreed)))

    @property
    def engine(self) -> Path:
        """Where the engine's files are."""
        return self.path / ENGINE

    def say(self, changes: Sequence[str]) -> "SiteFolder":
        """Write down what this site says for itself."""
        news = own(changes, load_recipe(self.path / RECIPE))
        merged = {change.partition("=")[0]: change for change in (*self.facts.set, *news)}
        facts = self.facts.model_copy(update={"set": tuple(merged.values())})
        load_recipe(self.path / RECIPE, facts.set)  # which refuses what cannot be, before it is written down
        write_atomically(self.path / FILE, to_yaml(facts.model_dump(mode="json")).encode())
        return SiteFolder.open(self.path)

    def require_places(self) -> None:
        """Raise RecipeError if the site has not said where something is that its clients need."""
        mine = {
            number: client
            for number, client in enumerate(self.agreed.clients)
            if any(each.name in self.facts.clients for each in client.spelt_out)
        }
        needed: set[Key] = {("datasets", client.dataset) for client in mine.values()}
        needed |= {
            ("model", "backbone") if client.model is None or client.model.backbone is None else ("clients", number)
            for number, client in mine.items()
        }
        for key, _, value in site_fields(self.agreed):
            if str(value) == ELSEWHERE and key[:2] in needed:
                name = ".".join(map(str, key))
                expected = f"'{self.path / FILE}' should say where `{name}` is on this machine"
                raise RecipeError(f"{expected}. Found nothing: add `{name}=/your/folder` to `set`.")

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
        place, mine = self.path / RUNS / run_name(run) / RECIPE, with_site_fields(asked, agreed)
        if place.is_file() and not _holds(place, mine):  # another run of that name, whose models are not this one's
            place.parent.rename(place.parent.with_name(f"{run}-until-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
        write_atomically(place, to_yaml(dump_recipe(mine)).encode())
        return load_recipe(place, self.facts.set)

    def run(self, name: str) -> SiteRun:
        """Open a run that this site took part in; RunFolderError if there is none."""
        path = self.path / RUNS / run_name(name)
        if not (path / RECIPE).is_file():
            known = ", ".join(sorted(each.parent.name for each in (self.path / RUNS).glob(f"*/{RECIPE}"))) or "none"
            raise RunFolderError(f"Site '{self.facts.name}' should have taken part in run '{name}'. Found {known}.")
        return SiteRun(path, load_recipe(path / RECIPE, self.facts.set))

    def site(self, recipe: Recipe, run: str) -> ClientHost:
        """Return the site as it answers in one run; its clients go on from the states on this disk."""
        self.require_places()
        return host(recipe, self.facts.clients, self.path / RUNS / run)


def host(recipe: Recipe, clients: Iterable[str], folder: Path) -> ClientHost:
    """Return a site that answers for these clients; they go on from their states in the folder."""
    make = cache(lambda: build.build_clients(recipe.model_copy(update={"checkpoint_every": 1})))

    def made(name: str) -> Client:
        (participant,) = build.build_participants(recipe, [name])
        return make()(participant, folder / name)

    keep = SiteRun(folder, recipe).keep
    return ClientHost({name: lambda name=name: made(name) for name in clients}, keep)  # type: ignore[misc]


def _holds(place: Path, recipe: Recipe) -> bool:
    """Tell whether a file holds a recipe, in whichever version's words."""
    try:
        return as_begun(load_recipe(place)) == recipe
    except FedhcaError:
        return False


def own(changes: Sequence[str], agreed: Recipe) -> list[str]:
    """Return what a site says for itself, with places absolute: the engine's processes run in another folder.

    Raises:
        RecipeError: one of the changes is not the site's to make.

    """
    fields = {".".join(map(str, key)): field for key, field, _ in site_fields(agreed)}
    found = []
    for change in changes:
        key, _, value = change.partition("=")
        if key not in fields:
            allowed = ", ".join(fields)
            raise RecipeError(f"A site should say for itself: {allowed}. Found `{key}`, which all have agreed on.")
        place, marks = Path(value).expanduser(), fields[key].metadata
        is_path = place.is_dir() if Owner.SITE_IF_A_PATH in marks else Owner.SITE not in marks
        found.append(f"{key}={place.absolute()}" if is_path else change)
    return found


def require_nothing_local(site: SiteFolder, kit: Path) -> None:
    """Raise RunFolderError if a kit sets what is its site's to set."""
    found = [_found(key, value) for key, value in set_by_site(load_recipe(site.path / RECIPE)).items()]
    found += [f"`{change}` in `set` of {FILE}" for change in site.facts.set]
    if found:
        mend = "Ask the server for another kit; the site says it with fedhca site init --set"
        expected = f"'{kit}' should leave to the site what its own machine is like"
        raise RunFolderError(f"{expected}. Found {found[0]}. {mend}.")


def _found(key: Key, value: object) -> str:
    return f"`{'.'.join(map(str, key))}`: {value}"
