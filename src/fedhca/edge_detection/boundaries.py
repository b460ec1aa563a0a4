"""Boundaries of regions: where a label map changes."""

import numpy as np
from jaxtyping import Bool, Shaped


def boundaries_of(labels: Shaped[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    """Return where a pixel differs from its right, lower or lower right neighbour, as the benchmark's truth wants it.

    The last row looks to the right only, the last column down only, and the last pixel is no boundary. Lines are up
    to two pixels wide where they turn; the benchmark thins them.

    >>> boundaries_of(np.array([[1, 1, 2], [1, 1, 2]])).astype(int)
    array([[0, 1, 0],
           [0, 1, 0]])
    """
    differs = np.zeros(labels.shape, bool)
    differs[:, :-1] = labels[:, :-1] != labels[:, 1:]
    differs[:-1] |= labels[:-1] != labels[1:]
    differs[:-1, :-1] |= labels[:-1, :-1] != labels[1:, 1:]
    return differs
