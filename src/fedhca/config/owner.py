"""Whose a field of a recipe is: agreed on by all, the server's to change for a run, or each site's own."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ELSEWHERE = "/path/on/your/machine"
"""Stands for a place in what others see."""
HUB = r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?"
"""What names on the Hugging Face hub look like."""

Key = tuple[str | int, ...]
Some = TypeVar("Some", bound=BaseModel)


class Owner(Enum):
    """Marks a field that is not agreed on by all. Fields that hold a path are each site's own without a mark.

    Others neither see nor set what is a site's: the places on its machine, its device.
    """

    SERVER = "of the server, which may change it for a run"
    SITE = "of each site"
    SITE_IF_A_PATH = "of each site where it is a path; a name that is known everywhere is not"


OF_SITES = (Owner.SITE, Owner.SITE_IF_A_PATH)


def site_fields(section: BaseModel, key: Key = ()) -> Iterator[tuple[Key, FieldInfo, Any]]:
    """Yield key, field and value of all that each machine sets for itself, in a section and in those below it."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if _holds_a_path(field.annotation) or any(each in field.metadata for each in OF_SITES):
            yield (*key, name), field, value
        parts: dict[Key, Any] = {(): value}
        if isinstance(value, Mapping):
            parts = {(part,): each for part, each in value.items()}
        elif isinstance(value, tuple):
            parts = {(part,): each for part, each in enumerate(value)}
        for part, each in parts.items():
            if isinstance(each, BaseModel):
                yield from site_fields(each, (*key, name, *part))


def set_by_site(section: BaseModel) -> dict[Key, Any]:
    """Return what a section sets of this, by key: places but for ELSEWHERE, and what is not its default."""
    return {
        key: value
        for key, field, value in site_fields(section)
        if (value != field.default if Owner.SITE in field.metadata else is_path(value) and str(value) != ELSEWHERE)
    }


def with_site_fields(section: Some, other: Some) -> Some:
    """Return a section with the fields that are always a machine's own as they are in another one."""
    changed: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        mine, theirs = getattr(section, name), getattr(other, name)
        if Owner.SITE in field.metadata:
            changed[name] = theirs
        elif isinstance(mine, BaseModel) and type(mine) is type(theirs):
            changed[name] = with_site_fields(mine, theirs)
    return section.model_copy(update=changed)


def is_path(value: Any) -> bool:
    """Tell whether the value of such a field is a path: it is no name of the hub, or there is a folder so called."""
    return isinstance(value, Path) or (
        isinstance(value, str) and (re.fullmatch(HUB, value, re.ASCII) is None or Path(value).is_dir())
    )


def redacted(value: Any) -> Any:
    """Return a recipe, or a part of one, with ELSEWHERE instead of every path of this machine.

    >>> redacted({"seed": 0, "datasets": {"nyud": {"root": "/data/nyud", "share": 1.0}}})
    {'seed': 0, 'datasets': {'nyud': {'root': '/path/on/your/machine', 'share': 1.0}}}
    """
    if isinstance(value, Mapping):
        return {key: redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return ELSEWHERE if _is_place(value) else value


def _holds_a_path(annotation: Any) -> bool:
    return annotation is Path or any(_holds_a_path(each) for each in get_args(annotation))


def _is_place(value: Any) -> bool:
    return isinstance(value, Path) or (isinstance(value, str) and Path(value).expanduser().is_absolute())
