"""New tables for rows: in memory, or in files that are mapped into it where memory does not hold them."""

import os
from pathlib import Path
from secrets import token_hex

import numpy as np
import torch
from torch import Tensor

from fedhca.errors import RunFolderError


def new_like(table: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """Return memory for a table of the same kind, its numbers not set; `shape` if it is another.

    The processor's is asked of numpy, which asks for huge pages: a system takes several times as long to hand out
    hundreds of megabytes in small ones.
    """
    size = table.shape if shape is None else shape
    if table.device.type == "cpu" and table.dtype in (torch.float32, torch.float64):
        return torch.from_numpy(np.empty(tuple(size), str(table.dtype).removeprefix("torch.")))
    return table.new_empty(size)


def mapped_like(table: Tensor, folder: Path) -> Tensor:
    """Return a table of the same kind whose numbers lie in a file; they go when nobody holds it any more.

    The file has no name from the start, so that nothing is left behind, whatever ends the process.

    Raises:
        RunFolderError: the folder cannot be written, or the disk has no room for all of the table.

    """
    path, size = folder / f".rows-{token_hex(8)}", table.numel() * table.element_size()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _reserve(path, size)
            mapped = torch.from_file(str(path), shared=True, size=table.numel(), dtype=table.dtype)
        finally:
            path.unlink(missing_ok=True)
    except OSError as error:
        mend = f"Choose a folder with {size / 1e9:.1f} GB of free space, or set `states: memory`."
        raise RunFolderError(
            f"Cannot write a table of rows in '{folder}': {error.strerror or error}. {mend}"
        ) from error
    return mapped.view(table.shape)


def _reserve(path: Path, size: int) -> None:
    """Take the room at once: writing to a mapped file on a full disk would end the process without a word."""
    with path.open("xb") as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)
