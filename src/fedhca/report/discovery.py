"""Run folders, wherever they lie below the folders given."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from fedhca.errors import RunFolderError
from fedhca.experiment.compare import Entry
from fedhca.experiment.drive import JOURNAL
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe
from fedhca.experiment.run_folder import RECIPE, RunFolder
from fedhca.methods import METHODS

NOT_THE_FEDERATION = ("method", "seed", "description", "checkpoint_every", "device")
"""Keys of a recipe in which runs of one setting may differ."""


def found_runs(places: Sequence[Path]) -> list[Entry]:
    """Return the runs in and below some folders, methods in the order of the catalogue.

    Runs whose recipes differ in more than method and seed are of different settings, which bear the names of their
    folders.

    Raises:
        RunFolderError: there is no run folder.

    """
    folders = [RunFolder.open(path) for place in places for path in _below(place)]
    if not folders:
        names = ", ".join(f"'{place}'" for place in places)
        mend = "Give the --out of a run."
        raise RunFolderError(f"{names} should hold run folders, with {RECIPE} and {JOURNAL}. Found none. {mend}")
    settings = _settings(folders)
    entries = [
        Entry(folder.recipe.method.label, folder.recipe.seed, folder, settings[_federation(folder.recipe)])
        for folder in folders
    ]
    order = [*METHODS]
    place = {name: number for number, name in enumerate(settings.values())}
    return sorted(
        entries,
        key=lambda entry: (
            place[entry.setting],
            entry.seed,
            order.index(entry.folder.recipe.method.name),
            entry.method,
        ),
    )


def _below(place: Path) -> Iterator[Path]:
    """Yield run folders in the order of their names, numbers by size; what lies in a run folder is not looked at."""
    for path, folders, files in os.walk(place):
        if {RECIPE, JOURNAL} <= set(files):
            folders.clear()
            yield Path(path)
        folders.sort(key=lambda name: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)])


def _federation(recipe: Recipe) -> str:
    facts = {key: value for key, value in dump_recipe(recipe).items() if key not in NOT_THE_FEDERATION}
    return json.dumps(facts, sort_keys=True)


def _settings(folders: Sequence[RunFolder]) -> dict[str, str]:
    """Name each federation after its folders, without what names method and seed; by number if that does not tell."""
    places: dict[str, tuple[str, ...]] = {}
    for folder in folders:
        places.setdefault(_federation(folder.recipe), _place(folder))
    if len(places) == 1:
        return dict.fromkeys(places, "")
    levels = zip(*places.values(), strict=False)  # as many as the shortest has
    common = len(list(takewhile(lambda parts: len(set(parts)) == 1, levels)))
    names = ["/".join(parts[common:]) for parts in places.values()]
    if len(set(names)) < len(names) or not all(names):
        names = [f"setting {number}" for number in range(1, len(names) + 1)]
    return dict(zip(places, names, strict=True))


def _place(folder: RunFolder) -> tuple[str, ...]:
    own = {folder.recipe.method.name, folder.recipe.method.label, f"seed-{folder.recipe.seed}"}
    return tuple(part for part in folder.path.absolute().parts if part not in own)
