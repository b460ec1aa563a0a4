"""One client's model: encoder, decoders and heads, and what of it travels."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from fedhca.errors import RecipeError
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.models.dry_run import Named, require_apart, try_decoder, try_encoder
from fedhca.seeds import derive
from fedhca.tasks.task import Task
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import Parameters

NORMS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    *(nn.GroupNorm, nn.LayerNorm, nn.RMSNorm),
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
        apart: the client's name, if each of its decoders is to start from a draw of its own, as in the released code.

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
        apart: str | None = None,
    ) -> None:
        super().__init__()
        if width < NARROWEST:
            raise RecipeError(f"`width` should be at least {NARROWEST}: heads halve it twice. Found {width}.")
        self.encoder, self.width, self.make_decoder = encoder, width, make_decoder
        self.decoders, self.heads, found = nn.ModuleDict(), nn.ModuleDict(), dict[str, Named]()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "encoder"))
            maps, named = try_encoder(encoder)
            for task in tasks:
                torch.manual_seed(derive(seed, "decoder", *(() if apart is None else (apart, task.name))))
                decoder = make_decoder([each.shape[1] for each in maps], width)
                found[task.name] = try_decoder(decoder, maps, width)
                self.decoders[task.name] = decoder
                torch.manual_seed(derive(seed, "head", task.name))
                self.heads[task.name] = task.head(width)
        require_apart([named, *found.values()])
        layouts = {name: _layout(self.decoders[name], each) for name, each in found.items()}
        self.encoder_layout, self.decoder_layout = _layout(encoder, named), next(iter(layouts.values()))
        """Layouts of the encoder's row, and of every decoder's."""
        for name, layout in layouts.items():
            if difference := layout.difference(self.decoder_layout):
                instead = f"Found one for `{name}` whose {difference}."
                raise RecipeError(f"All decoders of a client should be alike. {instead}")

    def forward(self, image: Float[Tensor, "b 3 y x"]) -> dict[str, Float[Tensor, "b ..."]]:
        """Return the output of every task by name, maps at the input's size and in float32."""
        height, width = image.shape[-2:]
        image = functional.pad(image, (0, max(0, LEAST - width), 0, max(0, LEAST - height)))
        pyramid = self.encoder(image)
        size = image.shape[-2:]
        outputs = {name: self.heads[name](decoder(pyramid)) for name, decoder in self.decoders.items()}
        return {
            name: functional.interpolate(each.float(), size, mode="bilinear", align_corners=False)[..., :height, :width]
            if each.ndim == image.ndim
            else each
            for name, each in outputs.items()
        }

    def collect(self) -> Parameters:
        """Copy out what travels."""
        encoder, *decoders = (layout.flatten(_named(module, layout)) for module, layout in self._travelling)
        return Parameters(encoder, torch.stack(decoders))

    @torch.no_grad()
    def install(self, parameters: Parameters) -> None:
        """Copy in what was received."""
        for parameter, value in self.received(parameters):
            parameter.copy_(value)

    def received(self, parameters: Parameters) -> Iterable[tuple[nn.Parameter, Tensor]]:
        """Pair every parameter that travels with its received value."""
        rows = (parameters.encoder, *parameters.decoders)
        for (module, layout), row in zip(self._travelling, rows, strict=True):
            values = layout.unflatten(row)
            yield from ((parameter, values[name]) for name, parameter in _named(module, layout).items())

    @property
    def home(self) -> dict[str, nn.Parameter]:
        """Parameters that do not travel, by name: the heads, and what no gradient reaches of encoder and decoders."""
        travelling = {each for module, layout in self._travelling for each in _named(module, layout).values()}
        return {name: each for name, each in self.named_parameters() if each not in travelling}

    @property
    def _travelling(self) -> list[tuple[nn.Module, Layout]]:
        """The encoder and the decoders, each with the layout of its row."""
        decoders = [(decoder, self.decoder_layout) for decoder in self.decoders.values()]
        return [(self.encoder, self.encoder_layout), *decoders]


def _named(module: nn.Module, layout: Layout) -> Named:
    """Return the parameters of a layout as they are now: moving a module, or filling one, may put others in place."""
    found = dict(module.named_parameters())
    return {segment.name: found[segment.name] for segment in layout.segments}


def _layout(module: nn.Module, named: Named) -> Layout:
    """Return the layout of what of a module travels."""
    norms = {name for name, layer in module.named_modules() if isinstance(layer, NORMS)}
    return Layout.of({name: parameter.shape for name, parameter in named.items()}, norms)
