"""Reading recipes: YAML, changes from the command line, and the one line for whatever is wrong in them."""

import io
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fedhca.errors import RecipeError, unknown
from fedhca.experiment.config import KINDS, MethodSection, Recipe
from fedhca.experiment.plain import plain, require_small

Some = TypeVar("Some", bound=BaseModel)


def embedded() -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    folder = Path(str(resources.files("fedhca") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_recipe(source: str | Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and validate it.

    Args:
        source: a YAML file, or the name of an embedded recipe.
        changes: `key=value` with dots for nesting and YAML values, such as `rounds=20` or `training.batch_size=4`.

    Raises:
        RecipeError: the file, a key or a value is wrong; the line names file and field.

    """
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"} and not path.is_file():
        if str(source) not in embedded():
            raise RecipeError(f"{unknown('recipe', source, embedded())} Or give the path of a YAML file.")
        path = embedded()[str(source)]
    values = read_yaml(path)
    for change in changes:
        _apply(values, change)
    return validate(values, str(source))


def validate(values: Any, source: str) -> Recipe:
    """Validate plain values as a recipe; RecipeError names the first field that is wrong."""
    try:
        require_small(values)
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"Recipe '{source}': {describe(error, Recipe)}") from None
    except ValueError as error:
        raise RecipeError(f"Recipe '{source}' should be shorter: {error}.") from None


def with_method(recipe: Recipe, word: str, seed: int) -> Recipe:
    """Return the recipe under another method and seed; options stay where the method is the recipe's own bare name.

    Raises:
        RecipeError: the word is no method with options.

    """
    method = recipe.method if word == recipe.method.name else method_section(word)
    return recipe.model_copy(update={"method": method, "seed": seed})


def method_section(word: str) -> MethodSection:
    """Take a method in one word apart, such as `fedprox+mu=0.1`; RecipeError if it is none."""
    try:
        return MethodSection.model_validate(word)
    except ValidationError as error:
        raise RecipeError(_capital(describe(error, MethodSection))) from None


def dump_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the whole recipe, defaults included, as JSON would hold it."""
    return recipe.model_dump(mode="json")


def to_yaml(values: Mapping[str, Any]) -> str:
    """Write plain values, such as a recipe that `dump_recipe` returned, as YAML."""
    text = io.StringIO()
    YAML().dump(dict(values), text)
    return text.getvalue()


def read_yaml(path: Path, what: str = "Recipe") -> dict[str, Any]:
    """Read a mapping from a YAML file; RecipeError says what is wrong with the file."""
    try:
        values = plain(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{what} '{path}' is not there. `fedhca ls` lists the embedded ones.") from None
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise RecipeError(f"{what} '{path}' cannot be read: {cause}. Give the path of a YAML file.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError(f"{what} '{path}', line {line}: {error.problem}. Expected valid YAML.") from None
    except (YAMLError, ValueError) as error:  # such as a date that is none
        raise RecipeError(f"{what} '{path}' should be valid YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else repr(type(values).__name__)
        raise RecipeError(f"{what} '{path}' should be a mapping, such as `rounds: 20`. Found {found}.")
    if strange := [key for key in values if not isinstance(key, str)]:
        raise RecipeError(f"{what} '{path}' should have words as keys, such as `rounds`. Found {strange[0]!r}.")
    return values


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"A change should be KEY=VALUE, such as rounds=20. Found '{change}'.")
    try:
        value = plain(text)
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


def read_section(path: Path, kind: type[Some], what: str) -> Some:
    """Read a YAML file as a section of its kind; RecipeError names the file and the first field that is wrong."""
    return checked(read_yaml(path, what), kind, f"'{path}'")


def checked(values: Any, kind: type[Some], source: str) -> Some:
    """Validate plain values as a section of its kind; RecipeError names where they are from and what is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{source}: {describe(error, kind)}") from None


def describe(error: ValidationError, section: type[BaseModel]) -> str:
    """Say the first thing that is wrong with a section in one line."""
    first: Any = error.errors()[0]
    field = ".".join(str(part) for part in _levels(first["loc"]))
    if first["type"] == "extra_forbidden":
        return _unknown_key(section, first["loc"], field)
    return _LINES.get(first["type"], _other)(first, field)


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def _other(first: Any, field: str) -> str:
    return f"`{field}`: {first['msg'][0].lower()}{first['msg'][1:]}. Found {_short(first.get('input'))}."


def _section(first: Any, field: str) -> str:
    return f"`{field}` should be a section of keys and values. Found {_short(first['input'])}."


def _list(first: Any, field: str) -> str:
    return f"`{field}` should be a list, such as [{first['input']}]. Found {_short(first['input'])}."


_LINES: dict[str, Callable[[Any, str], str]] = {
    "missing": lambda first, field: f"`{field}` is missing. Add it.",
    "value_error": lambda first, field: f"{f'`{field}`: ' if field else ''}{first['ctx']['error']}.",
    "too_short": lambda first, field: f"`{field}` should list at least one. Found an empty list.",
    "tuple_type": _list,
    "list_type": _list,
    "dict_type": _section,
    "model_type": _section,
    "model_attributes_type": _section,
    "union_tag_invalid": lambda first, field: f"`{field}.kind`: {unknown('kind', first['ctx']['tag'], KINDS)}",
}
"""The line for each of pydantic's kinds of error that has one of ours."""


def _levels(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the levels of the file; pydantic counts the chosen kind of a data set as one more."""
    return location[:2] + location[3:] if location[:1] == ("datasets",) else location


def _unknown_key(section: type[BaseModel], location: tuple[int | str, ...], field: str) -> str:
    known = _fields(section, location[:-1])
    near = get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}."
    return f"unknown key `{field}`: {hint}"


def _fields(section: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys that are known at a place of a section."""
    if location[:1] == ("datasets",):
        section = KINDS[str(location[2])]
        location = location[3:]
    for part in location:
        if part in section.model_fields:
            section = _section_of(section.model_fields[str(part)].annotation) or section
    return [*section.model_fields]


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_section_of(each) for each in getattr(annotation, "__args__", ())]
    return next((each for each in inner if each is not None), None)


def _short(value: Any) -> str:
    text = "a mapping" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
