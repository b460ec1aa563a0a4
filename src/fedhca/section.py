"""Sections of YAML files: which keys they may have, and the one line for whatever is wrong in them."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fedhca.errors import RecipeError, unknown
from fedhca.plain import read_yaml

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What names of clients look like: they become names of folders."""

KIND = "kind"
"""The key that says which of several sections this is."""

Name = Annotated[str, Field(pattern=f"^{NAME}$")]
"""Of clients and data sets: they become names of folders."""

Place = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
"""A folder: relative to where the command runs, `~` understood; absolute from then on."""

Some = TypeVar("Some", bound=BaseModel)


class Section(BaseModel):
    """A part of a file: no unknown keys, no change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    levels, _ = _follow(section, first["loc"])
    field = ".".join(map(str, levels))
    if first["type"] == "extra_forbidden":
        return _unknown_key(section, first["loc"], field)
    return _LINES.get(first["type"], _other)(first, field)


def _other(first: Any, field: str) -> str:
    return f"`{field}`: {first['msg'][0].lower()}{first['msg'][1:]}. Found {_short(first.get('input'))}."


def _section(first: Any, field: str) -> str:
    return f"`{field}` should be a section of keys and values. Found {_short(first['input'])}."


def _list(first: Any, field: str) -> str:
    return f"`{field}` should be a list, such as [{first['input']}]. Found {_short(first['input'])}."


def _kind(first: Any, field: str) -> str:
    known = [each.strip(" '") for each in first["ctx"]["expected_tags"].split(",")]
    return f"`{field}.{KIND}`: {unknown(KIND, first['ctx']['tag'], known)}"


_LINES: dict[str, Callable[[Any, str], str]] = {
    "missing": lambda first, field: f"`{field}` is missing. Add it.",
    "value_error": lambda first, field: f"{f'`{field}`: ' if field else ''}{first['ctx']['error']}.",
    "too_short": lambda first, field: f"`{field}` should list at least one. Found an empty list.",
    "tuple_type": _list,
    "list_type": _list,
    "dict_type": _section,
    "model_type": _section,
    "model_attributes_type": _section,
    "union_tag_invalid": _kind,
    "union_tag_not_found": lambda first, field: f"`{field}.{KIND}` is missing. Add it.",
}
"""The line for each of pydantic's kinds of error that has one of ours."""


def _unknown_key(section: type[BaseModel], location: Sequence[int | str], field: str) -> str:
    _, place = _follow(section, location[:-1])
    known = [*place.model_fields] if place else []
    near = get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}."
    return f"unknown key `{field}`: {hint}"


def _follow(section: type[BaseModel], location: Sequence[int | str]) -> tuple[list[int | str], type[BaseModel] | None]:
    """Return the levels of the file on the way to a place, and the section there, if it is one.

    Pydantic counts the choice among several sections, or among several types of a value, as one level more.
    """
    levels: list[int | str] = []
    here: Any = section
    for part in location:
        here, chosen = _chosen(here, part)
        if chosen:
            continue
        levels.append(part)
        here = _inner(here, part)
    here, _ = _chosen(here, None)
    return levels, here if _is_section(here) else None


def _chosen(annotation: Any, part: int | str | None) -> tuple[Any, bool]:
    """Return what is at a place where there is a choice, and whether the part of a location says which."""
    if get_origin(annotation) is Annotated:
        return _chosen(get_args(annotation)[0], part)
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, False
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    if len(kinds) == 1:
        return _chosen(kinds[0], part)
    tagged = [each for each in kinds if _is_section(each) and part in get_args(each.model_fields[KIND].annotation)]
    return (tagged[0] if tagged else None), part is not None


def _inner(annotation: Any, part: int | str) -> Any:
    """Return what is one level down."""
    if _is_section(annotation):
        field = annotation.model_fields.get(part)
        return field.annotation if field else None
    types = [each for each in get_args(annotation) if each is not Ellipsis]
    return types[-1] if types else None


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _short(value: Any) -> str:
    text = "a mapping" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
