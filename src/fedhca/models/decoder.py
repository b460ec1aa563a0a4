"""The decoder of one task: from a feature pyramid to one map."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Start = Literal["alike", "apart"]
"""Whether all decoders of a federation start from the same draw, or each from its own."""


@runtime_checkable
class MakeDecoder(Protocol):
    """What makes decoders, one for each task: `fedhca.models.Decoder`, or a class or function of your own.

    A decoder is any module that maps a pyramid (a list of maps [b, c, y, x], the largest first) to one map
    [b, width, y, x]. All are made from the same random state, and so start alike, unless they are to start apart.
    """

    def __call__(self, channels: Sequence[int], width: int) -> nn.Module:
        """Return a new decoder for maps of so many channels each, whose own has `width`."""
        ...


class Decoder(nn.Module):
    """Bring every map of the pyramid to one width and size, then fuse them.

    Per map a linear layer to `width` channels and bilinear upsampling to the largest map; concatenation; 1×1
    convolution to `width`, BatchNorm, LeakyReLU. Six layers on a pyramid of four maps; 175 776 parameters on Swin-T.

    Args:
        channels: channels of the pyramid's maps, from the largest map to the smallest.
        width: channels of the result.

    """

    def __init__(self, channels: Sequence[int], width: int = 96) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(each, width) for each in channels)
        self.fuse = nn.Conv2d(len(channels) * width, width, kernel_size=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, pyramid: Sequence[Float[Tensor, "b _ _ _"]]) -> Float[Tensor, "b c y x"]:
        """Return the fused map, of the size of the pyramid's first."""
        size = pyramid[0].shape[-2:]
        levelled = [
            functional.interpolate(_per_pixel(linear, level), size, mode="bilinear", align_corners=False)
            for linear, level in zip(self.linears, pyramid, strict=True)
        ]
        return functional.leaky_relu(self.norm(self.fuse(torch.cat(levelled, dim=1))))


def _per_pixel(linear: nn.Module, level: Tensor) -> Tensor:
    return linear(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
