"""Tensors and facts in one file: safetensors with JSON in its header. Nothing is ever unpickled."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fedhca.atomic import write_atomically
from fedhca.errors import RunFolderError


def save_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, metadata={"facts": json.dumps(facts)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        RunFolderError: the file is missing, cut short, or another program's.

    """
    with _opened(path) as (file, facts):
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  not a dict


def load_facts(path: Path) -> dict[str, Any]:
    """Read the facts alone, however large the tensors are; RunFolderError as in `load_tensors`."""
    with _opened(path) as (_, facts):
        return facts


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, without the beginning."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Open a file; whatever is wrong with it, or found wrong while it is read, is one error."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file, dict(json.loads(file.metadata()["facts"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        mend = "Start the run anew, or restore the file from a copy."
        raise RunFolderError(f"Cannot read '{path}': {str(error) or type(error).__name__}. {mend}") from error
