"""Borders: where one object ends and the next begins."""

import numpy as np
from jaxtyping import Float32, Int


def borders(objects: Int[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    """Return 1 where a pixel differs from its right or its lower neighbour: a line one pixel wide."""
    differs = np.zeros(objects.shape, bool)
    differs[:, :-1] = objects[:, :-1] != objects[:, 1:]
    differs[:-1] |= objects[:-1] != objects[1:]
    return differs.astype(np.float32)
