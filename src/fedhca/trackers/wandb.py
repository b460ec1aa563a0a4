"""Weights & Biases: a run in the run folder, which goes nowhere unless the user told wandb to be online."""

import os
import shutil
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from fedhca.config.owner import redacted
from fedhca.experiment.recipes import dump_recipe
from fedhca.experiment.run_folder import ENVIRONMENT, RECIPE, RunFolder
from fedhca.trackers.tracker import Write, load_tracker

PLACE, OFFLINE = "wandb", "offline"

PRIVATE: Mapping[str, Any] = {
    "console": "off",
    "program": "fedhca",
    **dict.fromkeys(("disable_code", "disable_git", "disable_job_creation"), True),
    **dict.fromkeys(("x_disable_machine_info", "x_disable_meta", "x_disable_stats"), True),
    **dict.fromkeys(("save_code", "x_save_requirements"), False),
}
"""With these settings code, repository, machine, paths, packages and what was printed stay at home."""


@contextmanager
def wandb(folder: RunFolder) -> Iterator[Write]:
    """Write a run of Weights & Biases into DIR/wandb; the same run folder is the same run there.

    Offline, the run is written anew. Online, rounds that are there already are not sent again.

    Raises:
        FedhcaError: wandb is not installed.

    """
    place, mode, identity = folder.path / PLACE, _mode(), run_id(folder)
    with _at_home(place / "cache"):
        package = load_tracker("wandb", extra="wandb")
        for old in place.glob(f"offline-run-*-{identity}"):
            shutil.rmtree(old)
        run = package.init(
            project=os.environ.get("WANDB_PROJECT", "fedhca"),
            id=identity,
            name=f"{folder.recipe.method.name} seed {folder.recipe.seed}",
            config=redacted(dump_recipe(folder.recipe)),
            dir=str(folder.path),
            mode=mode,
            resume="allow",
            settings=package.Settings(**PRIVATE, silent=mode == OFFLINE),
        )

        def write(number: int, values: Mapping[str, float]) -> None:
            if number >= run.starting_step:
                run.log(dict(values), step=number, commit=True)

        try:
            yield write
        finally:
            run.finish()
            package.teardown()


def run_id(folder: RunFolder) -> str:
    """Return the identity of a run at W&B: its recipe, and when and on what it was begun."""
    written = [(folder.path / name).read_bytes() for name in (RECIPE, ENVIRONMENT)]
    return sha256(b"".join(written)).hexdigest()[:16]


def _mode() -> str:
    """Return the mode that the user told wandb by variable or settings file; offline if nothing was said."""
    if said := os.environ.get("WANDB_MODE"):
        return said
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    settings = ConfigParser(interpolation=None)
    try:
        settings.read(folder / "settings", encoding="utf-8")
    except (Error, ValueError):  # wandb itself goes on without a file that it cannot read
        return OFFLINE
    return settings.get("default", "mode", fallback=OFFLINE)


@contextmanager
def _at_home(cache: Path) -> Iterator[None]:
    """Keep what wandb caches in the run folder and its reports of errors to itself, where the user did not say."""
    ours = {"WANDB_CACHE_DIR": str(cache), "WANDB_DATA_DIR": str(cache), "WANDB_ERROR_REPORTING": "false"}
    added = {name: value for name, value in ours.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
