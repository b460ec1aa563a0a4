"""Fewer bits for what travels: bfloat16, or int8 with a scale for every segment; nothing is lost over the rounds.

To a client goes what it shall train from, x̂ = Q(x); the server keeps x itself. Back comes what training changed, with
what was left over last time, u = Q(end − x̂ + e); the client keeps the rest e ← end − x̂ + e − u for next time (error
feedback), and the server goes on as if it had been sent x + u. So neither side's rounding adds up.

Sources: Seide et al., 1-bit stochastic gradient descent (Interspeech 2014); Karimireddy et al., Error feedback fixes
SignSGD (ICML 2019).
"""

from dataclasses import dataclass

import torch
from jaxtyping import BFloat16, Float32, Int32, Shaped
from torch import Tensor

from fedhca.config.federation import TransferDtype
from fedhca.errors import ClientError
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import Parameters, is_finite

LEVELS = 127

LARGEST_SCALE = torch.finfo(torch.float32).max / LEVELS * (1 - 2**-23)
"""Of int8: the last that times 127 is not rounded to infinity."""


@dataclass(frozen=True)
class Compressed:
    """An encoder and t decoders in fewer bits, with all that is needed to restore them.

    Attributes:
        encoder: bfloat16 or int8 [d].
        decoders: of the same kind [t, e].
        sizes: of the segments of the encoder and of every decoder, one after the other; none for bfloat16.
        scales: of the segments: a number is its int8 times its segment's scale.

    Raises:
        ClientError: sizes and scales do not fit the rows.

    """

    encoder: Shaped[Tensor, " d"]
    decoders: Shaped[Tensor, "t e"]
    sizes: Int32[Tensor, " s"]
    scales: Float32[Tensor, " s"]

    def __post_init__(self) -> None:
        expected = self.encoder.numel() + self.decoders.numel() if self.form == "int8" else 0
        whole = self.sizes.shape == self.scales.shape and not bool((self.sizes < 1).any())
        if not whole or int(self.sizes.sum()) != expected:
            raise ClientError(
                f"The segments of compressed parameters should be {expected} numbers long together, each with a "
                f"scale. Found {int(self.sizes.sum())} in {len(self.sizes)} with {len(self.scales)} scales."
            )

    @property
    def form(self) -> TransferDtype:
        """What the numbers travel as."""
        return "int8" if self.encoder.dtype == torch.int8 else "bfloat16"

    @property
    def bytes(self) -> int:
        """Size on the wire."""
        parts = (self.encoder, self.decoders, self.sizes, self.scales)
        return sum(part.numel() * part.element_size() for part in parts)

    @property
    def plain(self) -> Parameters:
        """The parameters in float32, as both sides see them."""
        if self.form == "bfloat16":
            return Parameters(self.encoder.float(), self.decoders.float())
        factors = self.scales.repeat_interleave(self.sizes)
        encoder, decoders = factors.split([self.encoder.numel(), self.decoders.numel()])
        return Parameters(encoder.mul_(self.encoder), decoders.view_as(self.decoders).mul_(self.decoders))


def compress(parameters: Parameters, form: TransferDtype, encoder: Layout, decoder: Layout) -> Parameters | Compressed:
    """Return parameters as they travel; as they are for float32.

    A segment of int8 has the scale max|w|/127, and its numbers are rounded to the nearest multiple: the error is at
    most half a scale. A segment with a number that is not finite comes out as NaN. Finite numbers come
    out finite: those beyond the greatest of bfloat16 as that.
    """
    if form == "float32":
        return parameters
    if form == "bfloat16":
        none = parameters.encoder.new_empty(0)
        return Compressed(_bfloat16(parameters.encoder), _bfloat16(parameters.decoders), none.int(), none.float())
    first, *others = [_int8(parameters.encoder, encoder), *(_int8(row, decoder) for row in parameters.decoders)]
    sizes, scales = (torch.cat([each[place] for each in (first, *others)]) for place in (1, 2))
    return Compressed(first[0], torch.stack([each[0] for each in others]), sizes, scales)


def difference(end: Parameters, start: Parameters, owed: Parameters | None = None) -> Parameters:
    """Return end − start, and what is owed from last time."""
    encoder, decoders = end.encoder - start.encoder, end.decoders - start.decoders
    return Parameters(encoder, decoders) if owed is None else total(Parameters(encoder, decoders), owed)


def total(one: Parameters, other: Parameters) -> Parameters:
    """Return the sum of both."""
    return Parameters(one.encoder + other.encoder, one.decoders + other.decoders)


def _bfloat16(rows: Float32[Tensor, "*t w"]) -> BFloat16[Tensor, "*t w"]:
    """Return the nearest numbers, of finite ones the nearest finite ones."""
    rounded, most = rows.bfloat16(), torch.finfo(torch.bfloat16).max
    return rounded if is_finite(rounded) or not is_finite(rows) else rounded.clamp_(-most, most)


def _int8(row: Float32[Tensor, " w"], layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Return the row in multiples of its segments' scales, the sizes of the segments, and the scales."""
    lengths = [segment.stop - segment.start for segment in layout.segments]
    scales = torch.stack([torch.stack(each.aminmax()).abs().amax() for each in row.split(lengths)]) / LEVELS
    scales = torch.where(scales.isfinite(), scales.clamp_max(LARGEST_SCALE), scales)
    sizes = torch.tensor(lengths, dtype=torch.int32, device=row.device)
    steps = torch.where(scales > 0, scales, 1.0).repeat_interleave(sizes)
    return (row / steps).round_().clamp_(-LEVELS, LEVELS).to(torch.int8), sizes, scales
