"""What a .mat file says it holds, found without taking the memory for it.

A file of format 5 is a header of 128 bytes and elements: a tag (kind, length) and its content, which may be compressed,
or a matrix with elements of its own. A reader makes room for what a matrix says of itself, and a compressed element can
unpack to a thousand times its length, so that both are looked at first. Source: MathWorks, MAT-File Format, 2019.
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod

HEADER = 128
MOST_BYTES = 1 << 28
"""Bytes that a file may unpack to: a thousand times what the largest annotation has."""
DEEPEST = 12
"""Structures that may lie in each other."""

COMPRESSED, MATRIX = 15, 14
CELL, STRUCTURE, OBJECT, SPARSE, LAST = 1, 2, 3, 5, 15
"""Classes of matrices; later ones than the last are functions and such."""


def require_small(content: bytes) -> None:
    """Raise ValueError for a file that is none of format 5, or that would take too much memory."""
    order = {b"IM": "<", b"MI": ">"}.get(content[HEADER - 2 : HEADER])
    if order is None or len(content) < HEADER:
        raise ValueError("it does not begin as one")
    room = MOST_BYTES
    for kind, piece in _elements(content[HEADER:], order):
        unpacked = _unpacked(piece, room) if kind == COMPRESSED else None
        inner = [(kind, piece)] if unpacked is None else _elements(unpacked, order)
        room -= len(piece if unpacked is None else unpacked)
        for each, part in inner:
            if each == MATRIX:
                _look(part, order, DEEPEST)


def _unpacked(piece: bytes, most: int) -> bytes:
    found = zlib.decompressobj().decompress(piece, most + 1)
    if len(found) > most:
        raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each element; ones of up to four bytes have them in the tag."""
    place = 0
    while place + 8 <= len(content):
        kind, length = struct.unpack_from(f"{order}II", content, place)
        if kind >> 16:
            yield kind & 0xFFFF, content[place + 4 : place + 4 + min(kind >> 16, 4)]
            place += 8
            continue
        if length > len(content) - place - 8:
            raise ValueError("it ends in the middle of a variable")
        yield kind, content[place + 8 : place + 8 + length]
        place += 8 + length + (0 if kind == COMPRESSED else -length % 8)


def _look(matrix: bytes, order: str, deep: int) -> None:
    """Raise ValueError for a matrix, or one in it, that says it has more parts than it has room for."""
    parts = [*_elements(matrix, order)]
    if not parts:  # as the empty ones in a cell are
        return
    if len(parts) < 2 or len(parts[0][1]) < 4:
        raise ValueError("it has a variable without a size")
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    kind, size = flags & 0xFF, parts[1][1]
    if kind > LAST or kind == OBJECT:
        raise ValueError("it has an object or a function in it")
    count = prod(max(0, each) for each in struct.unpack(f"{order}{len(size) // 4}i", size[: len(size) // 4 * 4]))
    if kind in (CELL, STRUCTURE) and count > len(matrix):
        raise ValueError(f"it has a structure of {count} parts in {len(matrix)} bytes")
    if kind == SPARSE and count > MOST_BYTES:
        raise ValueError(f"it has a sparse matrix of {count} numbers")
    if deep == 0:
        raise ValueError(f"it has more than {DEEPEST} structures in each other")
    for each, part in parts[2:]:
        if each == MATRIX:
            _look(part, order, deep - 1)
