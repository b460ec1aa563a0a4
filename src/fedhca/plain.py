"""YAML as plain values, of a size that can be looked at: anchors can make gigabytes of a few hundred bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fedhca.errors import RecipeError

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
