"""Δm: how much better than training alone."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from fedhca.errors import RecipeError

Key = TypeVar("Key", bound=Hashable)


def per_task_gain(
    values: Mapping[Key, float], reference: Mapping[Key, float], higher_is_better: Mapping[Key, bool]
) -> dict[Key, float]:
    """Return (−1)^l (M − M_local) / M_local of every metric M: a fraction, positive = better than the reference.

    l = 1 where lower is better, else 0; a key is a pair of data set and task, as a rule.

    >>> per_task_gain({"depth": 0.5}, {"depth": 1.0}, {"depth": False})
    {'depth': 0.5}

    Raises:
        RecipeError: the three do not have the same keys, there are none, or a reference is 0.

    """
    odd = (values.keys() ^ reference.keys()) | (values.keys() ^ higher_is_better.keys())
    if odd or not values:
        found = ", ".join(sorted(map(str, odd))) or "no metric at all"
        raise RecipeError(f"Values, reference and directions should have the same metrics. Found not in all: {found}.")
    return {key: _gain(key, values[key], reference[key], higher_is_better[key]) for key in values}


def delta_m(values: Mapping[Key, float], reference: Mapping[Key, float], higher_is_better: Mapping[Key, bool]) -> float:
    """Return Δm = (100/T) Σ_t (−1)^{l_t} (M_t − M_t^local) / M_t^local in percent; positive = better on average.

    T is the number of metrics, all weighted the same: one for each pair of data set and task. Several clients of one
    pair enter as their mean. The reference is the method `local`, every client on its own.

    >>> delta_m({"semseg": 60.0, "depth": 0.75}, {"semseg": 48.0, "depth": 1.0}, {"semseg": True, "depth": False})
    25.0

    Raises:
        RecipeError: as in `per_task_gain`.

    """
    gains = per_task_gain(values, reference, higher_is_better)
    return 100 * sum(gains.values()) / len(gains)


def _gain(key: Hashable, value: float, reference: float, higher_is_better: bool) -> float:
    if reference == 0:
        raise RecipeError(f"The reference of '{key}' should not be 0. Found 0: there is no gain relative to nothing.")
    gain = (value - reference) / reference
    return gain if higher_is_better else -gain
