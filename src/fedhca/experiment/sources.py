"""Data sets to be looked at, by a folder or by a recipe that names some."""

from collections.abc import Mapping
from pathlib import Path

from fedhca.data.described.dataset_description import FILE
from fedhca.data.described.folder import Folder
from fedhca.data.described.splits import TRAIN, VAL
from fedhca.data.source import Source
from fedhca.experiment import build
from fedhca.experiment.recipes import embedded, load_recipe

Splits = Mapping[str, Source]
"""The splits of one data set, by name."""


def data_sets(what: str | Path) -> dict[str, Splits]:
    """Return the data sets of a folder or a recipe, by name, with each of their splits.

    A folder's pictures are looked at as they lie there, a recipe's as its clients get them.

    Args:
        what: a folder with a dataset.yaml, or a recipe.

    Raises:
        DataError: the folder says nothing of itself, or something is wrong with it.
        RecipeError: the recipe is wrong.

    """
    path = Path(what)
    is_recipe = path.suffix in {".yaml", ".yml"} and path.name != FILE
    if not is_recipe and (path.is_dir() or path.name == FILE or str(what) not in embedded()):
        root = path.parent if path.name == FILE else path
        return {root.absolute().name: {split: Folder(root, split) for split in (TRAIN, VAL)}}
    recipe = load_recipe(what)
    train, val = (build.build_sources(recipe, split) for split in (TRAIN, VAL))
    return {name: {TRAIN: train[name], VAL: val[name]} for name in train}
