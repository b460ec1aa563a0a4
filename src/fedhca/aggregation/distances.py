"""How far rows lie apart, from their inner products alone."""

from jaxtyping import Float
from torch import Tensor

SAME = 1e-12
"""Squared distances below this share of the squared lengths are what rounding leaves of 0."""


def squared_distances(gram: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """Return ‖x_i − x_j‖² = G_ii + G_jj − 2 G_ij in float64, at least 0.

    What a huge x_k does to rounding stays in its own row and column.
    """
    lengths = gram.diagonal()
    return (lengths[:, None] + lengths - 2 * gram).clamp_min(0.0)


def told_apart(gram: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """Return the squared distances, 0 where rounding alone tells two rows apart."""
    distances, lengths = squared_distances(gram), gram.diagonal()
    return distances.where(distances > SAME * (lengths[:, None] + lengths), 0.0)
