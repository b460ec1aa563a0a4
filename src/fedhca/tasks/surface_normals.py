"""Surface normals: which way every pixel's surface faces."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor

from fedhca.errors import DataError
from fedhca.tasks.palette import NEUTRAL
from fedhca.tasks.pixels import mean_over, require_label, require_label_fits
from fedhca.tasks.stats import Angles, unit_vectors
from fedhca.tasks.task import IGNORE, Task
from fedhca.tasks.view import View

LONGEST = 1.01
"""A component of a unit vector is at most 1; this much is rounding."""
ODD = 0.1
"""How far from 1 a length is odd, and below which it is none."""


@final
@dataclass(frozen=True, kw_only=True)
class SurfaceNormals(Task):
    """A unit vector n per pixel, label float [b, 3, y, x]; 255 in any channel means no label.

    Loss: Σ|n − label| over channels and labelled pixels, divided by the number of labelled pixels, the label taken as
    it is (not brought to unit length). Metric: mErr, the mean angle in degrees, both sides brought to unit length; a
    label of zeros *is* measured, so a data set writes 255 where it knows nothing.
    """

    name: str = "normals"
    channels: int = 3
    weight: float = 10.0

    metric: ClassVar[str] = "mErr"
    unit: ClassVar[str] = "degrees"
    higher_is_better: ClassVar[bool] = False

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of vectors, each component from -1 to 1."""
        require_label(self, label, (3, *size))
        odd = label[:, ~(label.abs().amax(dim=0) <= LONGEST)]
        wrong = odd[:, (odd != IGNORE).all(dim=0)]
        if wrong.numel():
            found = f"Found {float(wrong.abs().max()):g}. Divide vectors by their length; of 8 bits, take 2v/255 - 1."
            raise DataError(f"Labels of task '{self.name}' should be from -1 to 1, or {IGNORE} for none. {found}")

    def doubt(self, label: Shaped[Tensor, "3 y x"]) -> str:
        """Say that most vectors, but for those near zero, are not of unit length."""
        lengths = torch.linalg.vector_norm(label[:, (label != IGNORE).all(dim=0)].float(), dim=0)
        lengths = lengths[lengths > ODD]
        if lengths.numel() and ((lengths - 1).abs() > ODD).float().mean() > 0.5:
            return "should be unit vectors: divide them by their length, and write 255 where there is none"
        return ""

    def loss(self, output: Float[Tensor, "b 3 y x"], label: Float[Tensor, "b 3 y x"]) -> Float[Tensor, ""]:
        """Return the L1 distance per labelled pixel."""
        require_label_fits(self, output, label, vectors=True)
        return mean_over((self.predict(output) - label).abs().sum(dim=1), _labelled(label))

    def predict(self, output: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        """Return the normals at unit length."""
        return unit_vectors(output.float())

    def measure(self, output: Float[Tensor, "b 3 y x"], label: Float[Tensor, "b 3 y x"]) -> Angles:
        """Add up the angles in degrees."""
        require_label_fits(self, output, label, vectors=True)
        return Angles.of(output, label, _labelled(label))

    def seen(self, label: Float[np.ndarray, "_ _ 3"], view: View) -> Float[np.ndarray, "_ _ 3"]:
        """Return the normals, their x negated in a mirror."""
        seen = view.nearest(label)
        if view.flipped:
            across = seen[..., 0]
            across[across != IGNORE] *= -1
        return seen

    def draw(
        self, values: Float[np.ndarray, "3 y x"], picture: UInt8[np.ndarray, "_ _ 3"]
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Return (n + 1)/2 as red, green and blue."""
        colours = np.moveaxis((np.clip(values, -1, 1) + 1) / 2 * 255, 0, -1).round().astype(np.uint8)
        return np.where((values != IGNORE).all(axis=0)[..., None], colours, NEUTRAL)


def _labelled(label: Float[Tensor, "b 3 y x"]) -> Bool[Tensor, "b y x"]:
    return (label != IGNORE).all(dim=1)
