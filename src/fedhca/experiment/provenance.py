"""What a run ran on, and where a client's model is from: nothing of other clients, and no place of any machine."""

import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from fedhca.client.privacy import epsilon
from fedhca.config.owner import redacted
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe
from fedhca.extras import EXTRAS
from fedhca.sharing.card import MixShare, Provenance

PACKAGES = ("fedhca", "torch", "transformers", "numpy", "scipy", "clarabel", "opencv-python-headless", "safetensors")


def environment() -> dict[str, Any]:
    """Return versions, processor, threads and accelerator."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    """Return a package's version; None where it runs from a source tree or goes by another name."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


SAID = ("fedhca", "torch", "transformers")
"""Packages whose versions the card says."""


def provenance(
    recipe: Recipe,
    client: str,
    rounds: int,
    *,
    packages: Mapping[str, str | None],
    measured: int = 0,
    metrics: Mapping[str, float | None] | None = None,
    line: Mapping[str, Any] | None = None,
) -> Provenance:
    """Put together where a model is from.

    Args:
        recipe: of the run.
        client: whose model it is.
        rounds: done.
        packages: versions by name.
        measured: after how many rounds the metrics were measured.
        metrics: the client's, by task.
        line: the journal's last, where there is a journal.

    """
    section = next(each for each in recipe.roster if each.name == client)
    names = [each.name for each in recipe.roster]
    decoders = [(each.name, task) for each in recipe.roster for task in each.tasks]
    notes = line or {}
    shares = {task: _share(notes.get("decoder"), decoders.index((client, task))) for task in section.tasks}
    known = {name: float(value) for name, value in (metrics or {}).items() if value is not None}
    return Provenance(
        dataset=section.dataset,
        kind=recipe.datasets[section.dataset].kind,
        clients=len(names),
        method=recipe.method.label,
        rounds=rounds,
        planned=recipe.rounds,
        seed=recipe.seed,
        recipe=recipe_hash(recipe),
        versions={name: version for name in SAID if (version := packages.get(name))},
        measured=measured if known else 0,
        metrics=known,
        encoder=_share(notes.get("encoder"), names.index(client)),
        decoders={task: share for task, share in shares.items() if share is not None},
        blurred=_blurred(recipe, rounds),
    )


def recipe_hash(recipe: Recipe) -> str:
    """Return the SHA-256 of the resolved recipe without places, as JSON with sorted keys and no spaces."""
    values = redacted(dump_recipe(recipe))
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _share(notes: Mapping[str, Any] | None, place: int) -> MixShare | None:
    """Return what one participant's answer was made of; nothing where the journal does not say."""
    matrix: Sequence[Sequence[float | None]] | None = (notes or {}).get("mixing")
    if not matrix or place >= len(matrix):
        return None
    row = [weight or 0.0 for weight in matrix[place]]
    others = row[:place] + row[place + 1 :]
    return MixShare(row[place], sum(others), max(others, key=abs, default=0.0))


def _blurred(recipe: Recipe, rounds: int) -> str:
    """Say what differential privacy there was; ε where its accountant is installed."""
    if recipe.privacy is None:
        return ""
    privacy = recipe.privacy
    said = f"clip {privacy.clip:g}, noise {privacy.noise:g}, δ {privacy.delta:g}, at least {rounds} answers"
    if EXTRAS["privacy"].missing:
        return said
    return f"{said}, which is ε {epsilon(privacy, rounds):.3g} for the client as a whole"
