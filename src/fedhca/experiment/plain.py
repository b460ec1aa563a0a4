"""YAML as plain values, of a size that can be looked at: anchors can make gigabytes of a few hundred bytes."""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

MOST = 100_000
"""Values that a file may unfold to."""

DEEPEST = 40
"""Levels that may lie in each other."""


def plain(text: str) -> Any:
    """Return the values of a YAML text.

    Raises:
        YAMLError: it is none.
        ValueError: likewise, or it unfolds to more values, or to more levels, than anybody would write.

    """
    try:
        values = YAML(typ="safe").load(text)
    except RecursionError:
        raise ValueError(f"it has more than {DEEPEST} levels") from None
    require_small(values)
    return values


def require_small(values: Any) -> None:
    """Raise ValueError if values unfold to too many, or too deep; what anchors share is walked once."""
    if _size(values, {}, 0) > MOST:
        raise ValueError(f"it unfolds to more than {MOST} values")


def _size(value: Any, known: dict[int, int], depth: int) -> int:
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} levels")
    if isinstance(value, str):
        return 1 + len(value) // 100
    if not isinstance(value, Mapping | list | tuple | set):
        return 1
    if id(value) not in known:
        parts = [*value.keys(), *value.values()] if isinstance(value, Mapping) else [*value]
        known[id(value)] = 1 + sum(_size(part, known, depth + 1) for part in parts)
    return known[id(value)]
