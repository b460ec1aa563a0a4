"""A line of the journal as named numbers, which is what trackers draw over rounds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from fedhca.aggregation.conflict import mean_cosine, negative_share

Number = int | float | None
"""As JSON has them; None stands for one that is not finite."""


def scalars(line: Mapping[str, Any], clients: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the numbers of one round; what the method does not have, or nobody measured, is left out.

    Args:
        line: of the journal.
        clients: the tasks of each client, both in the order of the roster.

    Returns:
        `loss/CLIENT/TASK`, `metric/CLIENT/TASK`, `alpha/CLIENT`, `beta/CLIENT/TASK` (mean over layers),
        `attention_entropy` (mean over tensors), `conflict/PART/mean_cosine` and `conflict/PART/negative_pairs` (their
        share) of the updates of encoders and decoders, `seconds/PHASE`, `bytes/CLIENT/DIRECTION`.

    """
    encoder, decoder = line["encoder"], line["decoder"]
    heads = [f"{client}/{task}" for client, tasks in clients.items() for task in tasks]
    found: dict[str, Number] = {
        **_leaves("loss", line["losses"]),
        **_leaves("metric", line["metrics"]),
        **_each("alpha", clients, encoder.get("alpha", [])),
        **_each("beta", heads, [_mean(layers) for layers in decoder.get("beta", [])]),
        "attention_entropy": _mean(decoder.get("attention_entropy", [])),
        **_conflict("conflict/encoder", encoder.get("gram", [])),
        **_conflict("conflict/decoder", decoder.get("gram", [])),
        **_leaves("seconds", line["seconds"]),
        **_leaves("bytes", line["bytes"]),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _leaves(name: str, value: Any) -> dict[str, Number]:
    """Flatten nested mappings: the keys on the way, joined by slashes, name the number."""
    if not isinstance(value, Mapping):
        return {name: value}
    return {path: leaf for key, each in value.items() for path, leaf in _leaves(f"{name}/{key}", each).items()}


def _each(name: str, owners: Iterable[str], values: Sequence[Number]) -> dict[str, Number]:
    """Name numbers after their owners; a rule that has none of them gives an empty list."""
    return {f"{name}/{owner}": value for owner, value in zip(owners, values, strict=bool(values))}


def _mean(values: Iterable[Number]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _conflict(name: str, gram: Sequence[Sequence[Number]]) -> dict[str, Number]:
    if not gram:
        return {}
    products = np.array(gram, dtype=float)
    found = {f"{name}/mean_cosine": mean_cosine(products), f"{name}/negative_pairs": negative_share(products)}
    return {key: value for key, value in found.items() if math.isfinite(value)}
