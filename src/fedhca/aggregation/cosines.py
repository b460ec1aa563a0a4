"""How much updates are at odds: cosines from their inner products."""

import numpy as np
from jaxtyping import Float


def cosines(gram: Float[np.ndarray, "m m"]) -> Float[np.ndarray, " p"]:
    """Return cos_ij = G_ij / √(G_ii G_jj) of every pair i < j; NaN where one did not move.

    >>> cosines(np.array([[4.0, -2.0], [-2.0, 1.0]]))
    array([-1.])
    """
    lengths = np.sqrt(np.clip(gram.diagonal(), 0, None))
    scale = np.outer(lengths, lengths)
    pairs = np.triu_indices(len(gram), 1)
    found = np.full(len(pairs[0]), np.nan)
    np.divide(gram[pairs], scale[pairs], out=found, where=scale[pairs] > 0)
    return found


def mean_cosine(gram: Float[np.ndarray, "m m"]) -> float:
    """Return the mean cosine over all pairs that moved; NaN where there is none."""
    known = cosines(gram)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")


def negative_share(gram: Float[np.ndarray, "m m"]) -> float:
    """Return the share of pairs that point apart, in [0, 1]; NaN where none moved.

    >>> negative_share(np.array([[1.0, -0.1, 0.2], [-0.1, 1.0, 0.3], [0.2, 0.3, 1.0]]))
    0.3333333333333333
    """
    known = cosines(gram)
    known = known[np.isfinite(known)]
    return float((known < 0).mean()) if known.size else float("nan")
