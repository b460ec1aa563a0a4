"""What travels of a model."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Parameters:
    """A model's encoder as one row of width d, its t decoders as rows of width e, in the order of its tasks."""

    encoder: Float[Tensor, " d"]
    decoders: Float[Tensor, "t e"]

    @property
    def bytes(self) -> int:
        """Size on the wire."""
        return sum(part.numel() * part.element_size() for part in (self.encoder, self.decoders))
