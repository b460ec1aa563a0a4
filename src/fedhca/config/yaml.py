"""YAML as plain values, of a size that can be looked at: anchors can make gigabytes of a few hundred bytes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fedhca.errors import RecipeError

LARGEST = 1_000_000
"""Bytes of a file."""

MOST = 100_000
"""Values that a file may unfold to; a long text counts as several."""

DEEPEST = 40
"""Levels that may lie in each other."""

LONGEST = 100
"""Letters of a number."""

CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no name of a file may have, and a terminal would obey; ends of lines are none."""


class _Constructor(SafeConstructor):
    """Refuses merge keys and giant numbers, which would take all time before anything can be counted."""

    def flatten_mapping(self, node: Any) -> None:
        for key, _ in node.value:
            if key.tag.endswith(":merge"):
                raise ConstructorError(None, None, "merge keys (<<) are not read; write the keys out", key.start_mark)

    def construct_scalar(self, node: Any) -> Any:
        if node.tag.endswith((":int", ":float")) and len(node.value) > LONGEST:
            raise ConstructorError(None, None, f"a number has more than {LONGEST} letters", node.start_mark)
        return super().construct_scalar(node)


def parse_yaml(text: str) -> Any:
    """Return the values of a YAML text.

    Raises:
        YAMLError: it is none, or it has merge keys.
        ValueError: likewise, or it unfolds to more values, or to more levels, than anybody would write.

    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        values = yaml.load(text)
    except RecursionError:
        raise ValueError(f"it has more than {DEEPEST} levels") from None
    require_plain(values)
    return values


def read_yaml(path: Path, what: str = "Recipe") -> dict[str, Any]:
    """Read a mapping from a YAML file; RecipeError says what is wrong with the file."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        values = parse_yaml(content.decode())
    except FileNotFoundError:
        raise RecipeError(f"{what} '{path}' is not there. `fedhca ls` lists the embedded ones.") from None
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise RecipeError(f"{what} '{path}' cannot be read: {cause}. Give the path of a YAML file.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError(f"{what} '{path}', line {line}: {error.problem}. Expected valid YAML.") from None
    except (YAMLError, ValueError) as error:  # such as a date that is none, or a bomb
        raise RecipeError(f"{what} '{path}' should be valid YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else repr(type(values).__name__)
        raise RecipeError(f"{what} '{path}' should be a mapping, such as `rounds: 20`. Found {found}.")
    if strange := [key for key in values if not isinstance(key, str)]:
        raise RecipeError(f"{what} '{path}' should have words as keys, such as `rounds`. Found {strange[0]!r}.")
    return values


def require_plain(values: Any) -> None:
    """Raise ValueError if values unfold to too many, or too deep, where counting ends; or one has a control code."""
    count = 0
    for value in _unfolded(values):
        count += 1 + len(value) // 100 if isinstance(value, str) else 1
        if isinstance(value, str) and CONTROL.search(value):
            raise ValueError(f"it has a control code, in {value[:40]!r}")
        if count > MOST:
            raise ValueError(f"it unfolds to more than {MOST} values")


def _unfolded(value: Any, depth: int = 0) -> Iterator[Any]:
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} levels")
    yield value
    inner = [*value, *value.values()] if isinstance(value, Mapping) else value
    for each in inner if isinstance(inner, list | tuple | set) else ():
        yield from _unfolded(each, depth + 1)
