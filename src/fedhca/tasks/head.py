"""The prediction heads of tasks; they never leave home."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Head(nn.Sequential):
    """For maps: two transposed convolutions (kernel 2, stride 2, halving the channels each time), a 1×1 convolution.

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
        *larger, last = self
        for layer in larger:
            features = layer(features)
        return _in_float32(last, features)


class PoolingHead(nn.Module):
    """For the picture as a whole: the mean and the greatest value of each channel over all pixels, then a linear layer.

    Args:
        width: channels of the decoder's map.
        channels: numbers of the task's output.

    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width, channels)

    def forward(self, features: Float[Tensor, "b c y x"]) -> Float[Tensor, "b _"]:
        """Return the task's output for each picture."""
        pixels = features.flatten(start_dim=2)
        return _in_float32(self.linear, torch.cat([pixels.mean(dim=2), pixels.amax(dim=2)], dim=1))


def _in_float32(layer: nn.Module, values: Tensor) -> Tensor:
    """Run a layer in float32 under autocast, too: bfloat16 tells 5 m from 5.03 m, and nothing in between."""
    if values.is_meta or not torch.is_autocast_enabled(values.device.type):
        return layer(values)
    with torch.autocast(values.device.type, enabled=False):
        return layer(values.float())
