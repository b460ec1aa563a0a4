"""Inner products of updates with each other and with last round's directions: all that a rule looks at."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Products:
    """Inner products in float64, of s stretches of the row: the whole of it (s = 1), its segments or its layers.

    They are few numbers, and lie in the processor's memory wherever the rows are.

    Attributes:
        gram: G_ij = ⟨Δ_i, Δ_j⟩ of the updates.
        along: ⟨Δ_i, direction_j⟩ with p directions.
        lengths: ‖direction_j‖².

    """

    gram: Float[Tensor, "s m m"]
    along: Float[Tensor, "s m p"]
    lengths: Float[Tensor, "s p"]

    @classmethod
    def of(cls, gram: Float[Tensor, "s q q"], m: int) -> "Products":
        """Take apart the Gram matrix of m updates and the directions."""
        return cls(gram[:, :m, :m], gram[:, :m, m:], gram[:, m:, m:].diagonal(dim1=1, dim2=2))

    def summed(self, groups: tuple[int, ...], count: int) -> "Products":
        """Return sums over groups of stretches: `groups` numbers each stretch's."""
        index = torch.tensor(groups)
        parts = (self.gram, self.along, self.lengths)
        return Products(*(each.new_zeros(count, *each.shape[1:]).index_add_(0, index, each) for each in parts))

    @property
    def sizes(self) -> Float[Tensor, "s m p"]:
        """‖Δ_i‖·‖direction_j‖ of every pair."""
        own = self.gram.diagonal(dim1=1, dim2=2)
        return (own[:, :, None] * self.lengths[:, None, :]).sqrt()
