"""Kits: what each site is given to take part, and how it becomes the site's folder."""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fedhca.engines.engine import Engine
from fedhca.engines.server_folder import ENGINE, KITS, RECIPE, ServerFacts, ServerFolder, shareable
from fedhca.engines.server_folder import FILE as FEDERATION
from fedhca.engines.site_folder import FILE, SiteFacts, SiteFolder, require_nothing_local
from fedhca.errors import FedhcaError, RecipeError, RunFolderError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe, load_recipe, to_yaml

MOST_BYTES, MOST_FILES = 64 << 20, 1000
"""What a kit may unpack to: a hundred times what an engine's is."""

KINDS = {".yaml", ".json", ".key", ".crt", ".pem"}
"""What a kit is made of. None of it runs."""


def make_federation(path: Path, recipe: Recipe, facts: ServerFacts, engine: Engine) -> dict[str, Path]:
    """Write a new federation's folder with keys and certificates; return each site's kit. The whole of it, or nothing.

    Raises:
        RunFolderError: there is one already, or it cannot be written.
        RecipeError: a client has no site, or two.
        FedhcaError: the engine could not make keys.

    """
    federation = ServerFolder.create(path, recipe, facts)
    try:
        return make_kits(federation, engine)
    except BaseException:
        for folder in (federation.engine, path / KITS):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (RECIPE, FEDERATION):
            (path / file).unlink(missing_ok=True)
        raise


def make_kits(federation: ServerFolder, engine: Engine) -> dict[str, Path]:
    """Make keys and certificates; return each site's kit.

    Raises:
        FedhcaError: the engine could not make them.

    """
    parts = engine.provision(federation)
    return {site: pack_kit(federation, site, parts[site]) for site in federation.facts.sites}


def pack_kit(federation: ServerFolder, site: str, part: Path) -> Path:
    """Put the engine's part for a site, what was agreed on, and who the site is, into one file; remove the part."""
    facts = SiteFacts(name=site, clients=federation.facts.sites[site], engine=federation.facts.engine)
    kit = federation.path / KITS / f"{site}.zip"
    kit.parent.mkdir(exist_ok=True, mode=0o700)
    kit.touch(mode=0o600)
    with zipfile.ZipFile(kit, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(FILE, to_yaml(facts.model_dump(mode="json")))
        file.writestr(RECIPE, to_yaml(dump_recipe(federation.recipe)))
        for path in sorted(part.rglob("*")):
            if path.is_file():
                file.write(path, Path(ENGINE, path.relative_to(part)))
    shutil.rmtree(part)
    return kit


def renew_kits(federation: ServerFolder, engine: Engine, now: datetime) -> dict[str, Path]:
    """Make all keys and certificates anew; the old ones are put aside, and the runs stay. Return each site's new kit.

    Raises:
        FedhcaError: the engine could not make them; the old ones are in their place then.

    """
    aside = federation.engine.with_name(f"{ENGINE}-until-{now:%Y%m%d-%H%M%S}")
    federation.engine.rename(aside)
    try:
        return make_kits(federation, engine)
    except BaseException:
        shutil.rmtree(federation.engine, ignore_errors=True)
        aside.rename(federation.engine)
        raise


def renew_site(site: SiteFolder, kit: Path, now: datetime) -> None:
    """Give a site the keys of a new kit; what it said for itself, and its clients' states, stay.

    Raises:
        RunFolderError: the kit is none, or another site's.
        RecipeError: what was agreed on is something else now.

    """
    with TemporaryDirectory(dir=site.path, prefix=".kit-") as folder:
        fresh = Path(folder, "site")
        new = open_kit(kit, fresh)
        if (new.facts.name, new.facts.clients) != (site.facts.name, site.facts.clients):
            found = f"Found the kit of '{new.facts.name}' with {', '.join(new.facts.clients)}"
            raise RunFolderError(f"'{kit}' should be a new kit of '{site.facts.name}'. {found}.")
        if new.agreed != shareable(load_recipe(site.path / RECIPE)):
            expected = f"The recipe in '{kit}' should be the one agreed on before"
            raise RecipeError(f"{expected}. Found another: make another site of it, with fedhca site init.")
        site.engine.rename(site.path / f"{ENGINE}-until-{now:%Y%m%d-%H%M%S}")
        (fresh / ENGINE).rename(site.engine)


def make_site(kit: Path, out: Path, changes: Sequence[str]) -> SiteFolder:
    """Make a site's folder of its kit, with what the site says for itself: the whole of it, or nothing.

    Raises:
        RunFolderError: the kit is none, or there is something in the folder.
        RecipeError: one of the changes is not the site's to make, or cannot be.

    """
    if (out / FILE).exists():
        raise RunFolderError(f"'{out}' holds a site already. Choose another --out, or remove the folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunFolderError(f"'{out}' should be a new folder, or an empty one. Choose another --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".kit-") as folder:  # for its owner alone: keys are in it
        fresh = Path(folder, "site")
        open_kit(kit, fresh).say(changes)
        fresh.rename(out)
    return SiteFolder.open(out)


def _require_small(kit: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse a kit before it takes room: a few kilobytes can unpack to a disk full."""
    unpacked, plain = sum(each.file_size for each in entries), (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    odd = any(each.compress_type not in plain for each in entries) or len({each.filename for each in entries}) < len(
        entries
    )
    if unpacked > MOST_BYTES or len(entries) > MOST_FILES or odd:
        expected = f"at most {MOST_FILES} files of {MOST_BYTES >> 20} MiB together, each once"
        found = f"{len(entries)} files of {unpacked} bytes"
        raise RunFolderError(f"'{kit}' should hold {expected}. Found {found}. Ask the server for another.")


def open_kit(kit: Path, out: Path) -> SiteFolder:
    """Unpack a kit into a new folder; RunFolderError if it is none."""
    out.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(kit) as file:
            names = file.namelist()
            _require_small(kit, file.infolist())
            whole = {FILE, RECIPE} <= set(names) and file.testzip() is None
            strange = [name for name in names if Path(name).suffix not in KINDS]
            if whole and not strange:
                file.extractall(out)  # the library keeps names that lead out of the folder in it
    except FedhcaError:
        raise
    except (OSError, EOFError, ValueError, struct.error, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise RunFolderError(f"Cannot read the kit '{kit}': {error}. Ask the server for another.") from error
    if not whole:
        raise RunFolderError(f"'{kit}' should be the kit of a site. Found none in it. Ask the server for one.")
    if strange:  # a script, a library: an engine's processes start in this folder, and would find it
        raise RunFolderError(f"'{kit}' should hold keys, certificates and settings only. Found '{strange[0]}'.")
    for path in (out / ENGINE).rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    site = SiteFolder.open(out)
    require_nothing_local(site, kit)
    return site
