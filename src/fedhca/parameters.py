"""What travels of a model."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


def is_finite(*tensors: Tensor) -> bool:
    """Return whether no number is NaN or infinite.

    One pass over each: the least and greatest are NaN where any number is. They are looked at together, so that an
    accelerator is waited for once.
    """
    ends = [end for each in tensors if each.numel() for end in each.detach().aminmax()]
    return not ends or bool(torch.stack(ends).isfinite().all())


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
        return is_finite(self.encoder, self.decoders)

    @property
    def bytes(self) -> int:
        """Size on the wire."""
        return sum(part.numel() * part.element_size() for part in (self.encoder, self.decoders))
