"""What of a recipe may be seen elsewhere: everything but places on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

ELSEWHERE = "/path/on/your/machine"
"""Stands for a place in what others see."""


def without_places(value: Any) -> Any:
    """Return a recipe, or a part of one, with ELSEWHERE instead of every path of this machine.

    >>> without_places({"seed": 0, "datasets": {"nyud": {"root": "/data/nyud", "share": 1.0}}})
    {'seed': 0, 'datasets': {'nyud': {'root': '/path/on/your/machine', 'share': 1.0}}}
    """
    if isinstance(value, Mapping):
        return {key: without_places(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(each) for each in value]
    return ELSEWHERE if _is_place(value) else value


def _is_place(value: Any) -> bool:
    return isinstance(value, Path) or (isinstance(value, str) and Path(value).expanduser().is_absolute())
