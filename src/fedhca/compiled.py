"""Loops as machine code: numba, with a cache of what is compiled where that can be written."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., Any])

# Free of Python's lock, so that threads run side by side; a division by zero gives inf or NaN, as in numpy.
_SETTINGS = {"nogil": True, "error_model": "numpy"}


def compiled(loop: Loop) -> Loop:
    """Return the function compiled at its first call.

    It should call compiled functions of its own file only: the cache looks at no other file for changes.
    """
    return _compiled(loop, _SETTINGS)


def compiled_sum(loop: Loop) -> Loop:
    """Do as `compiled`, and let the sums in it be taken in any order: several at a time, as the processor can."""
    return _compiled(loop, {**_SETTINGS, "fastmath": {"reassoc", "contract"}})


def _compiled(loop: Loop, settings: dict[str, Any]) -> Loop:
    plain = inspect.unwrap(loop)  # tests wrap functions to check shapes, and no machine code comes of that
    try:
        return njit(cache=True, **settings)(plain)
    except RuntimeError:  # nowhere to keep what is compiled: every process compiles anew
        return njit(**settings)(plain)
