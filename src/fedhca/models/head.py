"""The prediction head of one task; it never leaves home."""

from jaxtyping import Float
from torch import Tensor, nn


class Head(nn.Sequential):
    """Two transposed convolutions (kernel 2, stride 2, halving the channels each time) and a 1×1 convolution.

    Args:
        width: channels of the decoder's map.
        channels: channels of the task's output.

    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(width, width // 2, kernel_size=2, stride=2),
            nn.ConvTranspose2d(width // 2, width // 4, kernel_size=2, stride=2),
            nn.Conv2d(width // 4, channels, kernel_size=1),
        )

    def forward(self, features: Float[Tensor, "b c y x"]) -> Float[Tensor, "b _ _ _"]:
        """Return the task's output at four times the map's size."""
        return super().forward(features)
