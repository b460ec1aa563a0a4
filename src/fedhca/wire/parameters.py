"""What travels of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


def is_finite(*tensors: Tensor) -> bool:
    """Return whether no number is NaN or infinite; whole numbers are neither.

    One pass over each: the least and greatest are NaN where any number is. They are looked at together, so that an
    accelerator is waited for once.
    """
    parts = [torch.view_as_real(each) if each.is_complex() else each for each in tensors]
    ends = [end for each in parts if each.is_floating_point() and each.numel() for end in each.detach().aminmax()]
    return not ends or bool(torch.stack(ends).isfinite().all())


def not_finite(named: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with a number that is NaN or infinite; None if there is none."""
    return None if is_finite(*named.values()) else next(name for name, each in named.items() if not is_finite(each))


@dataclass(frozen=True)
class Parameters:
    """A model's encoder as one row of width d, its t decoders as rows of width e, in the order of its tasks."""

    encoder: Float[Tensor, " d"]
    decoders: Float[Tensor, "t e"]

    @property
    def plain(self) -> "Parameters":
        """Itself: what travels in fewer bits has another, see `fedhca.wire.compression`."""
        return self

    @property
    def form(self) -> Literal["float32"]:
        """What the numbers travel as."""
        return "float32"

    @property
    def finite(self) -> bool:
        """Whether no number is NaN or infinite."""
        return is_finite(self.encoder, self.decoders)

    @property
    def bytes(self) -> int:
        """Size on the wire."""
        return sum(part.numel() * part.element_size() for part in (self.encoder, self.decoders))
