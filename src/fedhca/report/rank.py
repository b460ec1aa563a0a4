"""Best and second best."""

import math
from collections.abc import Sequence

BEST, SECOND, OTHER = 1, 2, 0
FOR_SECOND = 3
"""Second best of two would be the worst."""


def ranks(values: Sequence[float], higher_is_better: bool) -> list[int]:
    """Return BEST, SECOND or OTHER for each value; equal values share a place, what was not measured has none.

    Nothing is best where all are the same, and nothing second best among two.

    >>> ranks([0.5, 0.7, 0.7, 0.6], True)
    [0, 1, 1, 2]
    >>> ranks([0.5, 0.7, float("nan")], False)
    [1, 0, 0]
    """
    known = [value for value in values if math.isfinite(value)]
    ladder = sorted(set(known), reverse=higher_is_better)
    if len(ladder) < 2:
        return [OTHER] * len(values)
    places = {ladder[0]: BEST}
    if len(known) >= FOR_SECOND:
        places[ladder[1]] = SECOND
    return [places.get(value, OTHER) for value in values]
