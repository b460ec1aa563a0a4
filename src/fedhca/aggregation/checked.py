"""What tensors from outside should be, and the one line for those that are not."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from fedhca.errors import RecipeError
from fedhca.wire.parameters import is_finite

KINDS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def floats(given: Tensor, name: str, shape: Sequence[int] | None = None) -> Float[Tensor, "..."]:
    """Return floating-point numbers of a shape, or else a matrix of at least one row, cut off from their gradient.

    Raises:
        RecipeError: they are something else.

    """
    if not isinstance(given, Tensor):
        found = f"a {type(given).__name__}"
    elif given.dtype not in KINDS or given.layout != torch.strided:
        found = f"{given.dtype} ({given.layout})".replace("torch.", "")
    elif given.shape != shape if shape is not None else given.dim() != 2 or len(given) == 0:
        found = f"shape {list(given.shape)}"
    else:
        return given.detach() if given.requires_grad else given
    expected = "[m, w] with at least one row" if shape is None else f"of shape {list(shape)}"
    raise RecipeError(f"`{name}` should be a tensor {expected}, of floating-point numbers. Found {found}.")


def finite(given: Tensor, name: str, shape: Sequence[int] | None = None) -> Float[Tensor, "..."]:
    """Do as `floats`; RecipeError if a number is NaN or infinite, too."""
    found = floats(given, name, shape)
    if not is_finite(found):
        raise RecipeError(f"`{name}` should be finite. Found NaN or infinity.")
    return found
