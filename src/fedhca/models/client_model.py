"""One client's model: encoder, decoders and heads, and what of it travels."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from fedhca.errors import RecipeError
from fedhca.layout import Layout
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.models.dry_run import Named, require_apart, try_decoder, try_encoder
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
NARROWEST = 4
"""Channels of the narrowest decoder whose heads have any."""
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
        make_decoder: makes the decoder of each task.

    Raises:
        RecipeError: the encoder, or a decoder, is not what it should be.

    """

    def __init__(
        self,
        encoder: nn.Module,
        tasks: Sequence[Task],
        *,
        width: int = 96,
        seed: int = 0,
        make_decoder: MakeDecoder = Decoder,
    ) -> None:
        super().__init__()
        if width < NARROWEST:
            raise RecipeError(f"`width` should be at least {NARROWEST}: heads halve it twice. Found {width}.")
        self.encoder, self.width, self.make_decoder = encoder, width, make_decoder
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "encoder"))
            maps, self._encoder_parameters = try_encoder(encoder)
            channels = [each.shape[1] for each in maps]
            self._decoder_parameters: list[Named] = []
            self.decoders = nn.ModuleDict()
            self.heads = nn.ModuleDict()
            for task in tasks:
                torch.manual_seed(derive(seed, "decoder"))
                decoder = make_decoder(channels, width)
                self._decoder_parameters.append(try_decoder(decoder, maps, width))
                self.decoders[task.name] = decoder
                torch.manual_seed(derive(seed, "head", task.name))
                self.heads[task.name] = task.head(width)
        require_apart(self._encoder_parameters, self._decoder_parameters)
        for name, named in zip(self.decoders, self._decoder_parameters, strict=True):
            if difference := _layout(self.decoders[name], named).difference(self.decoder_layout):
                raise RecipeError(
                    f"All decoders of a client should be alike. Found one for `{name}` whose {difference}."
                )

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
        return _layout(self.encoder, self._encoder_parameters)

    @cached_property
    def decoder_layout(self) -> Layout:
        """Layout of every decoder's row; all tasks have the same."""
        return _layout(next(iter(self.decoders.values())), self._decoder_parameters[0])

    def collect(self) -> Parameters:
        """Copy out what travels."""
        decoders = [self.decoder_layout.flatten(named) for named in self._decoder_parameters]
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
        for named, row in zip(self._decoder_parameters, parameters.decoders, strict=True):
            values = self.decoder_layout.unflatten(row)
            yield from ((parameter, values[name]) for name, parameter in named.items())

    @property
    def home(self) -> dict[str, nn.Parameter]:
        """Parameters that do not travel, by name: the heads, and what no gradient reaches of encoder and decoders."""
        travelling = {
            each for named in (self._encoder_parameters, *self._decoder_parameters) for each in named.values()
        }
        return {name: each for name, each in self.named_parameters() if each not in travelling}


def _layout(module: nn.Module, named: Named) -> Layout:
    """Return the layout of what of a module travels."""
    return Layout.of({name: parameter.shape for name, parameter in named.items()}, _norms(module))


def _norms(module: nn.Module) -> set[str]:
    """Return the names of the layers that normalise."""
    return {name for name, layer in module.named_modules() if isinstance(layer, NORMS)}
