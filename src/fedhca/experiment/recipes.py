"""Reading recipes: YAML, changes from the command line, and the one line for whatever is wrong in them."""

import io
import logging
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fedhca.config.section import validated
from fedhca.config.yaml import parse_yaml, read_yaml, require_plain
from fedhca.errors import RecipeError, unknown
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.sections.method_section import MethodSection

log = logging.getLogger(__name__)


def embedded() -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    folder = Path(str(resources.files("fedhca") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_recipe(source: str | Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and validate it, and what its data sets say of themselves.

    Args:
        source: a YAML file, or the name of an embedded recipe.
        changes: `key=value` with dots for nesting and YAML values, such as `rounds=20` or `training.batch_size=4`.

    Raises:
        RecipeError: the file, a key or a value is wrong; the line names file and field.
        DataError: likewise in what a data set says of itself.

    """
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"} and not path.is_file():
        if str(source) not in embedded():
            raise RecipeError(f"{unknown('recipe', source, embedded())} Or give the path of a YAML file.")
        path = embedded()[str(source)]
    log.info("recipe %s", path.absolute())
    values = read_yaml(path)
    for change in changes:
        _apply(values, change)
    return described(validate(values, str(source)))


def changed(recipe: Recipe, options: Mapping[str, Any]) -> Recipe:
    """Return a recipe with some of its keys set otherwise; sections are changed in the keys given alone.

    Raises:
        RecipeError: a key or a value is wrong.

    """
    if not options:
        return recipe
    values = dump_recipe(recipe)
    for name, value in options.items():
        new = value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value
        old = values.get(name)
        values[name] = {**old, **new} if isinstance(old, dict) and isinstance(new, Mapping) else new
    return validate(values, "of these options")


def described(recipe: Recipe) -> Recipe:
    """Return a recipe with what its data sets say of themselves; DataError where that cannot be."""
    return recipe.model_copy(update={"datasets": {name: each.described() for name, each in recipe.datasets.items()}})


def as_begun(recipe: Recipe) -> Recipe:
    """Return the recipe of a run as it began: what older versions did not write down, they did in the former way."""
    trained: dict[str, set[str]] = {name: set() for name in recipe.datasets}
    for client in recipe.clients:
        trained[client.dataset].update(client.tasks)
    begun = {name: each.as_begun(trained[name]) for name, each in recipe.datasets.items()}
    return recipe.model_copy(update={"datasets": begun})


def validate(values: Any, source: str) -> Recipe:
    """Validate plain values as a recipe; RecipeError names the first field that is wrong."""
    try:
        require_plain(values)
    except ValueError as error:
        raise RecipeError(f"Recipe '{source}' should be plain: {error}.") from None
    return validated(values, Recipe, f"Recipe '{source}'")


def with_method(recipe: Recipe, word: str, seed: int) -> Recipe:
    """Return the recipe under another method and seed; options stay where the method is the recipe's own bare name.

    Raises:
        RecipeError: the word is no method with options.

    """
    method = recipe.method if word == recipe.method.name else method_section(word)
    return recipe.model_copy(update={"method": method, "seed": seed})


def method_section(word: str) -> MethodSection:
    """Take a method in one word apart, such as `fedprox+mu=0.1`; RecipeError if it is none."""
    return validated(word, MethodSection, f"Method '{word}'")


def dump_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the whole recipe, defaults included, as JSON would hold it."""
    return recipe.model_dump(mode="json")


def to_yaml(values: Mapping[str, Any]) -> str:
    """Write plain values, such as a recipe that `dump_recipe` returned, as YAML."""
    text = io.StringIO()
    YAML().dump(dict(values), text)
    return text.getvalue()


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"A change should be KEY=VALUE, such as rounds=20. Found '{change}'.")
    try:
        value = parse_yaml(text)
    except (YAMLError, ValueError):
        raise RecipeError(f"The value of '{change}' should be valid YAML, such as 20 or [a, b].") from None
    *path, last = key.split(".")
    place: Any = values
    for part in path:
        place = _enter(place, part, change)
    if isinstance(place, list):
        place[_index(place, last, change)] = value
    else:
        place[last] = value


def _enter(place: Any, part: str, change: str) -> Any:
    """Go one level down; `method: fedhca2` becomes `method: {name: fedhca2}` on the way."""
    if isinstance(place, list):
        return place[_index(place, part, change)]
    inner = place.setdefault(part, {})
    if inner is None:  # a section that is not there, as a resolved recipe says it
        inner = place[part] = {}
    if isinstance(inner, str):
        inner = place[part] = {"name": inner}
    if not isinstance(inner, dict | list):
        raise RecipeError(f"Change '{change}': `{part}` holds {inner!r}, which has no parts.")
    return inner


def _index(place: list[Any], part: str, change: str) -> int:
    if not part.isdecimal() or int(part) >= len(place):
        raise RecipeError(f"Change '{change}': expected a number from 0 to {len(place) - 1}. Found '{part}'.")
    return int(part)
