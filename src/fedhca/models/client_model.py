"""One client's model: encoder, decoders and heads, and what of it travels."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import compress

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from fedhca.layout import Layout
from fedhca.models.decoder import Decoder
from fedhca.parameters import Parameters
from fedhca.seeds import derive
from fedhca.tasks.task import Task

NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)
"""Layers that normalise; their parameters bear the mark in the layout."""
LEAST = 32
"""Pixels of a side below which pictures are padded for the encoder: a pyramid's last map has a stride of 32."""


class ClientModel(nn.Module):
    """Encoder θ, per task a decoder φ and a head ψ.

    What travels are *named parameters* of encoder and decoders that a gradient reaches, never a state dict: heads,
    buffers and unused parameters stay home.

    Args:
        encoder: the backbone; see `fedhca.models.Pyramid`.
        tasks: the client's tasks, in the order in which their decoders travel.
        width: channels of the decoders.
        seed: of the experiment. All decoders start alike, so that mixing them means something from the first round;
            heads of one task start alike.

    """

    def __init__(self, encoder: nn.Module, tasks: Sequence[Task], *, width: int = 96, seed: int = 0) -> None:
        super().__init__()
        self.encoder, self.width = encoder, width
        channels: Sequence[int] = encoder.channels  # type: ignore[assignment]  # see `fedhca.models.encoder.Encoder`
        with torch.random.fork_rng(devices=[]):
            self.decoders = nn.ModuleDict()
            self.heads = nn.ModuleDict()
            for task in tasks:
                torch.manual_seed(derive(seed, "decoder"))
                self.decoders[task.name] = Decoder(channels, width)
                torch.manual_seed(derive(seed, "head", task.name))
                self.heads[task.name] = task.head(width)

    def forward(self, image: Float[Tensor, "b 3 y x"]) -> dict[str, Float[Tensor, "b ..."]]:
        """Return the output of every task by name, maps at the input's size."""
        height, width = image.shape[-2:]
        image = functional.pad(image, (0, max(0, LEAST - width), 0, max(0, LEAST - height)))
        pyramid = self.encoder(image)
        size = image.shape[-2:]
        outputs = {name: self.heads[name](decoder(pyramid)) for name, decoder in self.decoders.items()}
        return {
            name: functional.interpolate(each, size, mode="bilinear", align_corners=False)[..., :height, :width]
            if each.ndim == image.ndim
            else each
            for name, each in outputs.items()
        }

    @cached_property
    def encoder_layout(self) -> Layout:
        """Layout of the encoder's row."""
        shapes = {name: parameter.shape for name, parameter in self._encoder_parameters.items()}
        return Layout.of(shapes, _norms(self.encoder))

    @cached_property
    def decoder_layout(self) -> Layout:
        """Layout of every decoder's row; all tasks have the same."""
        first = next(iter(self.decoders.values()))
        return Layout.of({name: parameter.shape for name, parameter in first.named_parameters()}, _norms(first))

    def collect(self) -> Parameters:
        """Copy out what travels."""
        decoders = [self.decoder_layout.flatten(dict(each.named_parameters())) for each in self.decoders.values()]
        return Parameters(self.encoder_layout.flatten(self._encoder_parameters), torch.stack(decoders))

    @torch.no_grad()
    def install(self, parameters: Parameters) -> None:
        """Copy in what was received."""
        for parameter, value in self.received(parameters):
            parameter.copy_(value)

    def received(self, parameters: Parameters) -> Iterable[tuple[nn.Parameter, Tensor]]:
        """Pair every parameter that travels with its received value."""
        values = self.encoder_layout.unflatten(parameters.encoder)
        yield from ((parameter, values[name]) for name, parameter in self._encoder_parameters.items())
        for decoder, row in zip(self.decoders.values(), parameters.decoders, strict=True):
            values = self.decoder_layout.unflatten(row)
            yield from ((parameter, values[name]) for name, parameter in decoder.named_parameters())

    @property
    def home(self) -> dict[str, nn.Parameter]:
        """Parameters that do not travel, by name: the heads, and what of the encoder no gradient reaches."""
        travelling = {*self._encoder_parameters.values(), *self.decoders.parameters()}
        return {name: each for name, each in self.named_parameters() if each not in travelling}

    @cached_property
    def _encoder_parameters(self) -> dict[str, nn.Parameter]:
        """Encoder parameters that a gradient reaches, found by one backward pass on a small picture."""
        device = next(self.encoder.parameters()).device
        was_training = self.encoder.training
        self.encoder.eval()  # no running statistics are touched, no path is dropped
        named = {name: each for name, each in self.encoder.named_parameters() if each.requires_grad}
        with torch.enable_grad():  # whoever asks first may have switched it off
            maps = self.encoder(torch.zeros(1, 3, 64, 64, device=device))
            total = torch.stack([each.sum() for each in maps]).sum()
            gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
        self.encoder.train(was_training)
        reached = (gradient is not None for gradient in gradients)
        return dict(compress(named.items(), reached))


def _norms(module: nn.Module) -> set[str]:
    """Return the names of the layers that normalise."""
    return {name for name, layer in module.named_modules() if isinstance(layer, NORMS)}
