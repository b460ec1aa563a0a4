"""What travels of a model."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


def is_finite(tensor: Tensor) -> bool:
    """Return whether no number is NaN or infinite, in one pass: the least and greatest are NaN where any number is."""
    return tensor.numel() == 0 or all(bool(each.isfinite()) for each in tensor.aminmax())


@dataclass(frozen=True)
class Parameters:
    """A model's encoder as one row of width d, its t decoders as rows of width e, in the order of its tasks."""

    encoder: Float[Tensor, " d"]
    decoders: Float[Tensor, "t e"]

    @property
    def plain(self) -> "Parameters":
        """Itself: what travels in fewer bits has another, see `fedhca.compression`."""
        return self

    @property
    def finite(self) -> bool:
        """Whether no number is NaN or infinite."""
        return is_finite(self.encoder) and is_finite(self.decoders)

    @property
    def bytes(self) -> int:
        """Size on the wire."""
        return sum(part.numel() * part.element_size() for part in (self.encoder, self.decoders))
