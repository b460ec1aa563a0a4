"""Keypoints: where in a picture each of a few points lies."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Real, Shaped, UInt8
from torch import Tensor

from fedhca.errors import DataError, RecipeError
from fedhca.tasks.on_picture import dots
from fedhca.tasks.pixels import mean_over, require_channels, require_label
from fedhca.tasks.stats import Hits
from fedhca.tasks.task import IGNORE, Task
from fedhca.tasks.view import View, padding


@final
@dataclass(frozen=True, kw_only=True)
class Keypoints(Task):
    """`channels` points of one thing in the picture, each found as the greatest value of a heat map of its own.

    The label of a picture is an array [k, 3]: x and y in pixels, whole at a pixel's centre, and whether the point is
    labelled: not if that is 0 or 255, or the point outside of the picture. A training sample's points move with it.

    Loss: the heat map of a point at p is H(q) = exp(−‖q − p‖² / 2σ²), and its loss
    ½ Σ H·(output − H)² / Σ H + ½ Σ (1 − H)·(output − H)² / Σ (1 − H) over pixels q, mean over the labelled points. So a
    point and all the rest of the picture, a hundred times as many pixels, weigh the same. Metric: PCK in percent, the
    share of the labelled points that are found within `max_dist`; after Yang and Ramanan, "Articulated human detection
    with flexible mixtures of parts", PAMI 2013, whose measure is a share of a person's box, and not of the picture.

    Attributes:
        sigma: σ of the heat maps, in pixels. RecipeError if not above 0.
        max_dist: how far from the point it may be found, as a share of the diagonal of the padded picture, in [0, 1].
            RecipeError outside.
        swaps: pairs of points that change roles in a mirror, such as left and right hand, by their numbers from 0.
            RecipeError where a number is no point's, or two pairs have it.

    """

    name: str = "keypoints"
    channels: int
    weight: float = 10.0
    sigma: float = 2.0
    max_dist: float = 0.05
    swaps: tuple[tuple[int, int], ...] = ()

    metric: ClassVar[str] = "PCK"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what would make no heat map, no share, or no mirror image."""
        if not self.sigma > 0:
            raise RecipeError(f"`sigma` of task '{self.name}' should be above 0 pixels. Found {self.sigma}.")
        if not 0 <= self.max_dist <= 1:
            raise RecipeError(f"`max_dist` of task '{self.name}' should be in [0, 1]. Found {self.max_dist}.")
        swapped = [number for pair in self.swaps for number in pair]
        if len(set(swapped)) < len(swapped) or not set(swapped) <= set(range(self.channels)):
            expected = (
                f"`swaps` of task '{self.name}' should be pairs of numbers from 0 to {self.channels - 1}, each once"
            )
            raise RecipeError(f"{expected}. Found {self.swaps}.")

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no x, y and label of every point, or where a labelled one is nowhere."""
        require_label(self, label, (self.channels, 3))
        told = (label[:, 2] > 0) & (label[:, 2] != IGNORE)
        if not label[told].isfinite().all():
            mend = "Write 0 for no label."
            raise DataError(f"Labels of task '{self.name}' should be finite. Found NaN or infinity. {mend}")

    def loss(self, output: Float[Tensor, "b k y x"], label: Float[Tensor, "b _ 3"]) -> Float[Tensor, ""]:
        """Return the balanced squared error of heat maps, mean over labelled points."""
        valid = self._labelled(output, label)
        heat = self._heat_maps(torch.where(valid[..., None], label[..., :2], 0.0), output.shape[-2:])
        error = (output.float() - heat).square()
        near, far = (
            (weight * error).sum((-2, -1)) / weight.sum((-2, -1)).clamp(min=1e-6) for weight in (heat, 1 - heat)
        )
        return mean_over((near + far) / 2, valid)

    def predict(self, output: Float[Tensor, "b k y x"]) -> Float[Tensor, "b k 3"]:
        """Return x and y of each map's greatest value, and that value as confidence, in [0, 1]."""
        greatest, place = output.float().flatten(start_dim=2).max(dim=2)
        width = output.shape[-1]
        return torch.stack([place % width, place // width, greatest.clamp(0, 1)], dim=2)

    def measure(self, output: Float[Tensor, "b k y x"], label: Float[Tensor, "b _ 3"]) -> Hits:
        """Count the labelled points, and those that were found."""
        valid = self._labelled(output, label)
        apart = torch.linalg.vector_norm(self.predict(output)[..., :2].double() - label[..., :2].double(), dim=2)
        return Hits.of(apart <= self.max_dist * math.hypot(*output.shape[-2:]), valid)

    def seen(self, label: Float[np.ndarray, "k 3"], view: View) -> Float[np.ndarray, "k 3"]:
        """Return the points where they are seen; in a mirror left ones are right ones."""
        seen = label.copy()
        seen[:, :2] = view.places(label[:, :2])
        if view.flipped:
            order = np.arange(len(label))
            for one, other in self.swaps:
                order[[one, other]] = other, one
            seen = seen[order]
        return seen

    def shrunk(
        self, label: Float[np.ndarray, "k 3"], shape: tuple[int, int], size: tuple[int, int]
    ) -> Float[np.ndarray, "k 3"]:
        """Return the points in the smaller picture."""
        shrunk = label.copy()
        shrunk[:, :2] = (label[:, :2] + 0.5) * np.array(size[::-1]) / shape[::-1] - 0.5
        return shrunk

    def finished(
        self, label: Float[np.ndarray, "k 3"], shape: tuple[int, int], size: tuple[int, int]
    ) -> Float[np.ndarray, "k 3"]:
        """Return the points in the padded picture as float32; zeros for those without a label."""
        x, y, told = label.T
        top, left = padding(shape, size)
        inside = (x > -0.5) & (x < shape[1] - 0.5) & (y > -0.5) & (y < shape[0] - 0.5)
        moved = np.stack([x + left, y + top, np.ones_like(x)], axis=1)
        valid = inside & (told > 0) & (told != IGNORE)
        return np.where(valid[:, None], moved, 0).astype(np.float32)

    def known(self, values: Real[np.ndarray, "k 3"], label: Real[np.ndarray, "k 3"]) -> Real[np.ndarray, "k 3"]:
        """Return the points that have a label, zeros for the others."""
        return np.where((label[:, 2:] > 0) & (label[:, 2:] != IGNORE), values, np.zeros_like(values))

    def draw(self, values: Real[np.ndarray, "k 3"], picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
        """Return the picture, faded, with a dot at each point, fainter where it is less sure."""
        return dots(picture, np.where(values[:, 2:] == IGNORE, 0, values))

    def _labelled(self, output: Float[Tensor, "b k y x"], label: Float[Tensor, "b _ 3"]) -> Bool[Tensor, "b k"]:
        require_channels(self, output)
        expected = (*output.shape[:2], 3)
        if label.shape != expected:
            raise DataError(
                f"Labels of task '{self.name}' should have the shape {list(expected)}: x, y and whether labelled. "
                f"Found {list(label.shape)}."
            )
        x, y, told = label.unbind(dim=2)
        height, width = output.shape[-2:]
        inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        return inside & (told > 0) & (told != IGNORE)

    def _heat_maps(self, places: Float[Tensor, "b k 2"], size: torch.Size) -> Float[Tensor, "b k y x"]:
        """Return H: a product of one bell along x and one along y."""
        down, across = (torch.arange(side, device=places.device, dtype=torch.float32) for side in size)
        x, y = ((line - places[..., axis, None]).square() for axis, line in enumerate((across, down)))
        return (-y / (2 * self.sigma**2)).exp()[..., :, None] * (-x / (2 * self.sigma**2)).exp()[..., None, :]
