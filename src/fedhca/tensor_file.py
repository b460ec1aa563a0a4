"""Tensors and facts in one file: safetensors with JSON in its header. Nothing is ever unpickled."""

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fedhca.atomic import write_atomically
from fedhca.errors import RunFolderError

NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""What the format calls each kind of number."""

ALIGNED = 8
"""Bytes to whose multiples the numbers are moved, so that they can be read where they lie."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, atomically, straight from where they lie.

    The library's own writer holds two more copies of all of them, which a server's rows cannot have. The format is a
    header of JSON, its length before it, and the numbers behind it.
    """
    widest_first = sorted(tensors.items(), key=lambda item: -item[1].element_size())  # so that all are aligned
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in widest_first}
    header: dict[str, Any] = {"__metadata__": {"facts": json.dumps(facts)}}
    stop = 0
    for name, tensor in plain.items():
        start, stop = stop, stop + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, stop]}
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % ALIGNED)
    numbers = (tensor.reshape(-1).view(torch.uint8).numpy().data for tensor in plain.values())
    write_atomically(path, struct.pack("<Q", len(words)), words, *numbers)


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
