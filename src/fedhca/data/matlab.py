"""The two kinds of .mat files of PASCAL-Context, part annotations and label maps, and what a file says it holds.

A file of format 5 is a header of 128 bytes and elements: a tag (kind, length) and its content, which may be compressed,
or a matrix with elements of its own. A reader makes room for what a matrix says of itself; a compressed element can
unpack to a thousand times its length; and SciPy's reader takes an element of a kind that does not exist for one that
does, which ends the process. So everything is looked at first, by the grammar of what annotations are made of: numbers,
text, cells and structures. Source: MathWorks, MAT-File Format, 2019.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, Shaped
from scipy.io import loadmat

from fedhca.data.picture_file import content_of, unreadable
from fedhca.errors import DataError

HEADER = 128
MOST_BYTES = 1 << 28
"""Bytes that a file may unpack to: a thousand times what the largest annotation has."""
DEEPEST = 12
"""Structures that may lie in each other."""
MOST_AXES = 32

INT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 5, 6, 14, 15
NUMBER_BYTES = {INT8: 1, 2: 1, 3: 2, 4: 2, INT32: 4, UINT32: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Of one number, by the kind of element it is in."""
LETTER_BYTES = {2: 1, 4: 2, 16: 1}
"""Fewest of one letter, likewise."""

CELL, STRUCTURE, TEXT, NUMBERS = 1, 2, 4, range(6, 16)
"""Classes of matrices. Objects, sparse matrices and functions are the others."""
COMPLEX = 0x0800
"""Flag of numbers with an imaginary part, which is an element of its own."""

Element = tuple[int, bytes]
"""Kind and content."""


def require_small(content: bytes) -> None:
    """Raise ValueError for a file that is none of format 5, or that would take too much memory."""
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(content[HEADER - 4 : HEADER])
    if order is None or 0 in content[:4]:  # a zero there makes it one of format 4 for SciPy
        raise ValueError("it does not begin as one")
    room = MOST_BYTES
    for kind, piece in _elements(content[HEADER:], order):
        unpacked = _unpacked(piece, room) if kind == COMPRESSED else None
        _look_at_all([(kind, piece)] if unpacked is None else _elements(unpacked, order), 1, order, DEEPEST)
        room -= len(piece if unpacked is None else unpacked)


def _unpacked(piece: bytes, most: int) -> bytes:
    found = zlib.decompressobj().decompress(piece, most + 1)
    if len(found) > most:
        raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
    return found


def _elements(content: bytes, order: str) -> Iterator[Element]:
    """Yield kind and content of each element; ones of up to four bytes have them in the tag."""
    place = 0
    while place < len(content):
        if place + 8 > len(content):
            raise ValueError("it ends in the middle of a tag")
        kind, length = struct.unpack_from(f"{order}II", content, place)
        start, end = place + 8, place + 8 + length
        place = end if kind == COMPRESSED else end + -length % 8
        if kind >> 16:
            kind, length = kind & 0xFFFF, kind >> 16
            start, end, place = start - 4, start - 4 + length, start
            _require(length <= 4, "it has a short element of more than four bytes")
        _require(end <= len(content), "it ends in the middle of a variable")
        yield kind, content[start:end]


def _look_at_all(parts: Iterable[Element], count: int, order: str, deep: int) -> None:
    """Raise ValueError unless parts are so many matrices, each as it should be."""
    found = [*parts]
    _require(len(found) == count, f"it has {len(found)} variables where {count} should be")
    for kind, part in found:
        _require(kind == MATRIX, f"it has an element of kind {kind} where a variable should be")
        _look(part, order, deep)


def _look(matrix: bytes, order: str, deep: int) -> None:
    """Raise ValueError for a matrix that is not what it says it is, or has more in it than there is room for."""
    _require(deep > 0, f"it has more than {DEEPEST} structures in each other")
    if not matrix:  # as the empty ones in a cell are
        return
    head, parts = _split(matrix, order)
    flags, size, _ = (part for _, part in head)
    (word,), axes = struct.unpack(f"{order}I", flags[:4]), struct.unpack(f"{order}{len(size) // 4}i", size)
    _require(min(axes) >= 0, "it has a variable of negative size")
    count, kind = prod(axes), word & 0xFF
    if kind in (CELL, STRUCTURE):
        _require(count <= len(matrix), f"it has a structure of {count} parts in {len(matrix)} bytes")
        fields, inner = (1, parts) if kind == CELL else _fields(parts, order)
        _look_at_all(inner, count * fields, order, deep - 1)
        return
    _require(kind == TEXT or kind in NUMBERS, "it has an object, a sparse matrix or a function in it")
    _require(len(parts) == (2 if word & COMPLEX else 1), "it has numbers of no part, or of too many")
    for each, part in parts:
        size_of = LETTER_BYTES if kind == TEXT else NUMBER_BYTES
        _require(each in size_of, f"it has values of kind {each}")
        least = count * size_of[each]
        fits = len(part) >= least if kind == TEXT else len(part) == least
        _require(fits, f"it has {count} values in {len(part)} bytes")


def _split(matrix: bytes, order: str) -> tuple[list[Element], list[Element]]:
    """Return the elements that begin every matrix, flags, size and name, and the others."""
    parts = [*_elements(matrix, order)]
    head = parts[:3]
    _require([kind for kind, _ in head] == [UINT32, INT32, INT8], "it has a variable without flags, size or name")
    (_, flags), (_, size), _ = head
    well = len(flags) == 8 and len(size) % 4 == 0 and 2 <= len(size) // 4 <= MOST_AXES
    _require(well, "it has a variable without a size")
    return head, parts[3:]


def _fields(parts: list[Element], order: str) -> tuple[int, list[Element]]:
    """Return how many fields a structure has, and what is in them."""
    _require([kind for kind, _ in parts[:2]] == [INT32, INT8], "it has a structure without names")
    (_, length), (_, names) = parts[:2]
    each = struct.unpack(f"{order}i", length)[0] if len(length) == 4 else 0
    _require(each > 0 and len(names) % each == 0, "it has a structure without names")
    return len(names) // each, parts[2:]


def _require(right: bool, found: str) -> None:
    if not right:
        raise ValueError(found)


MOST = np.iinfo(np.uint16).max
"""The greatest class index that a label map may hold: the archive's are 16-bit."""


def read_variable(path: Path, name: str, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
    """Return one variable of a .mat file (format 5); `content` spares reading a file whose bytes are at hand.

    Raises:
        DataError: the file is missing, cannot be read, or does not hold the variable.

    """
    content = content_of(path) if content is None else content
    try:
        require_small(content)
        file: Any = BytesIO(content)
        found = loadmat(file)  # takes open files too, whatever its stubs say
    except Exception as cause:  # a broken file can make the reader raise nearly anything
        raise unreadable(path, "a MATLAB file of format 5", cause, content) from cause
    if name not in found:
        names = ", ".join(key for key in found if not key.startswith("__")) or "nothing"
        raise DataError(f"{path}: expected variable `{name}`; found {names}. Copy the file again.")
    return np.asarray(found[name])


def label_map(path: Path, content: bytes | None = None) -> Integer[np.ndarray, "y x"]:
    """Return `LabelMap`, the index of one of about 460 classes at each pixel; DataError where there is none."""
    labels = read_variable(path, "LabelMap", content)
    if labels.ndim != 2 or labels.dtype.kind not in "iuf" or not labels.size:
        raise _no_classes(path, f"{labels.dtype} {list(labels.shape)}")
    wrong = labels[~((labels >= 0) & (labels <= MOST) & (labels % 1 == 0))]
    if wrong.size:
        raise _no_classes(path, f"{wrong[0]}")
    return labels.astype(np.int64)


def _no_classes(path: Path, found: str) -> DataError:
    mend = "Copy the file again."
    return DataError(f"{path}: expected `LabelMap` [y, x] of class indices, 0 to {MOST}; found {found}. {mend}")
