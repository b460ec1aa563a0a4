"""Where two descriptions of an experiment differ."""

from typing import Any


def first_difference(old: Any, new: Any, path: str = "") -> str:
    """Name the first field in which two nested mappings differ, and both its values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            if old.get(key) != new.get(key):
                return first_difference(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    return f"`{path}` is {old!r} there and {new!r} here"
