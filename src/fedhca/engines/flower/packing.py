"""Wires as Flower's records: names and numbers in one, arrays in another."""

from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from fedhca.engines.wire import Wire

WORDS, ROWS = "words", "rows"


def pack(wire: Wire) -> RecordDict:
    """Return a wire as it goes into a message."""
    rows = {name: Array(value) for name, value in wire.items() if isinstance(value, np.ndarray)}
    words: dict[str, Any] = {name: value for name, value in wire.items() if not isinstance(value, np.ndarray)}
    return RecordDict({WORDS: ConfigRecord(words), ROWS: ArrayRecord(rows)})


def unpack(content: RecordDict) -> Wire:
    """Return the wire in a message; an empty one if there is none in it."""
    words = content.config_records.get(WORDS, ConfigRecord())
    rows = content.array_records.get(ROWS, ArrayRecord())
    wire: dict[str, Any] = {**words, **{name: array.numpy() for name, array in rows.items()}}
    return wire
