"""Tensors and facts in one file: safetensors with JSON in its header. Nothing is ever unpickled.

The header holds two checksums (SHA-256), of itself and of the numbers behind it, so that a file of which any byte was
altered, or any cut off, is refused.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fedhca.errors import RunFolderError
from fedhca.storage.atomic import write_atomically

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

HEADER, NUMBERS, FACTS = "header", "numbers", "facts"
"""What the two checksums are called, and what they guard beside tensors."""

BLANK = "0" * 64
"""Stands for the header's checksum where that is made."""

MOST = 100_000_000
"""Bytes that a header may have, as the library says."""

ALIGNED = 8
"""Bytes to whose multiples the numbers are moved, so that they can be read where they lie."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, atomically, straight from where they lie.

    The library's own writer holds two more copies of all of them, which a server's rows cannot have. The format is a
    header of JSON, its length before it, and the numbers behind it.
    """
    widest_first = sorted(tensors.items(), key=lambda item: -item[1].element_size())  # so that all are aligned
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in widest_first}
    pieces = [tensor.reshape(-1).view(torch.uint8).numpy().data for tensor in plain.values()]
    sums = {HEADER: BLANK, NUMBERS: _sum(*pieces)}  # first, so that the first blank is this one
    header: dict[str, Any] = {"__metadata__": {**sums, FACTS: json.dumps(facts)}}
    stop = 0
    for name, tensor in plain.items():
        start, stop = stop, stop + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, stop]}
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % ALIGNED)
    words = words.replace(BLANK.encode(), _sum(words).encode(), 1)
    write_atomically(path, struct.pack("<Q", len(words)), words, *pieces)


MEND = "Start the run anew, or restore the file from a copy."


def load_tensors(path: Path, mend: str = MEND) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote; `mend` is what to do about a file that cannot be read.

    Raises:
        RunFolderError: the file is missing, cut short, altered, or another program's.

    """
    with _opened(path, mend) as file:
        facts = _checked(path, whole=True)
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  not a dict


def load_facts(path: Path) -> dict[str, Any]:
    """Read the facts alone, however large the tensors are, which are not looked at; errors as in `load_tensors`."""
    with _opened(path):
        return _checked(path, whole=False)


def load_shapes(path: Path, mend: str = MEND) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Read what kind of numbers each tensor is of, as the format calls it, and its shape; errors as in `load_tensors`.

    The tensors are not looked at, but are all within the file.
    """
    with _opened(path, mend) as file:
        _checked(path, whole=False)
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  not a dict
        return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}


def require_whole(path: Path) -> None:
    """Read the file from end to end; RunFolderError as in `load_tensors`."""
    with _opened(path):
        _checked(path, whole=True)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, without the beginning."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def _opened(path: Path, mend: str = MEND) -> Iterator[Any]:
    """Open a file; whatever is wrong with it, or found wrong while it is read, is one error."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        found = " ".join(str(error).split()) or type(error).__name__
        raise RunFolderError(f"Cannot read '{path}': {found}. {mend}") from error


def _checked(path: Path, *, whole: bool) -> dict[str, Any]:
    """Return the facts if the header, and with `whole` all that is behind it, is as it was written."""
    with path.open("rb") as file:
        words = file.read(min(int.from_bytes(file.read(8), "little"), MOST))  # the header: numbers begin behind it
        notes = json.loads(words)["__metadata__"]
        if not {HEADER, NUMBERS, FACTS} <= notes.keys():
            raise ValueError("it has no checksum, so that this version of fedhca did not write it")
        sums = [_sum(words.replace(notes[HEADER].encode(), BLANK.encode(), 1))]
        if whole:
            sums.append(hashlib.file_digest(file, "sha256").hexdigest())
    if sums != [notes[HEADER], notes[NUMBERS]][: len(sums)]:
        raise ValueError("its checksum is another, so that it was altered since it was written")
    return dict(json.loads(notes[FACTS]))


def _sum(*pieces: bytes | memoryview) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
