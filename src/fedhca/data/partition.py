"""Splitting the pictures of a data set among its clients."""

import numpy as np
from jaxtyping import Int64

from fedhca.errors import RecipeError


def partition(count: int, shares: int, seed: int) -> list[Int64[np.ndarray, "_"]]:
    """Split the indices 0 … count − 1 at random into disjoint shares.

    Together they hold every index once, and their sizes differ by one at most (the first ones are the larger).

    Raises:
        RecipeError: there is no share, or there are more shares than pictures.

    >>> [share.size for share in partition(10, 3, seed=0)]
    [4, 3, 3]
    """
    if not 1 <= shares <= count:
        expected = f"The number of clients on a data set should be from 1 to its {count} pictures, so that each has one"
        raise RecipeError(f"{expected}. Found {shares} clients.")
    order = np.random.default_rng(seed).permutation(count).astype(np.int64)
    return np.array_split(order, shares)
