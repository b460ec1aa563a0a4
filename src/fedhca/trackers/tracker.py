"""What a tracker is: a context that opens for a run folder and yields what writes a round."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from fedhca.experiment.run_folder import RunFolder
from fedhca.extras import require_extra

Write = Callable[[int, Mapping[str, float]], object]
"""Takes the number of a round, from 1, and its scalars by name."""

Tracker = Callable[[RunFolder], AbstractContextManager[Write]]
"""Opens for a run, to be written from its first round on, whatever was written before; closes at the end."""


def load_tracker(module: str, extra: str) -> Any:
    """Import a module of a package that only a tracker needs.

    Raises:
        FedhcaError: it is not installed.

    """
    require_extra(extra, f"Tracker '{extra}'")
    return import_module(module)
