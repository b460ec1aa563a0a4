"""Depth: the distance of every pixel."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor

from fedhca.tasks.palette import EMBERS, shade
from fedhca.tasks.pixels import labelled, mean_over, require_label, require_label_fits
from fedhca.tasks.stats import Squares
from fedhca.tasks.task import IGNORE, Task
from fedhca.tasks.view import View


@final
@dataclass(frozen=True, kw_only=True)
class Depth(Task):
    """A distance in metres per pixel, label float; no label where it is 255, not above 0 or not finite.

    Loss: mean |output − label| over the labelled pixels. Metric: RMSE in metres of the prediction, clamped at 0, over
    the pixels with 0 < label < limit.

    Attributes:
        limit: labels from here on, in metres, are not measured.
        span: nearest and farthest distance of the drawing's colours, in metres; without it, each picture's own range
            without its lowest and highest 2 percent, so that one far pixel does not wash out the rest.

    """

    name: str = "depth"
    channels: int = 1
    weight: float = 1.0
    limit: float = 80.0
    span: tuple[float, float] | None = None

    metric: ClassVar[str] = "RMSE"
    unit: ClassVar[str] = "m"
    higher_is_better: ClassVar[bool] = False

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of the picture."""
        require_label(self, label, size)

    def doubt(self, label: Shaped[Tensor, "y x"]) -> str:
        """Say that there is something and no distance."""
        if labelled(label).any() and not _measured(label).any():
            return "should have distances above 0"
        return super().doubt(label)

    def loss(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the mean absolute error in metres."""
        require_label_fits(self, output, label)
        valid = _measured(label)
        truth = torch.where(valid, label, 0.0)  # a NaN would pass through the gradient even where it does not count
        return mean_over((output[:, 0].float() - truth).abs(), valid)

    def predict(self, output: Float[Tensor, "b 1 y x"]) -> Float[Tensor, "b y x"]:
        """Return the distance in metres, never below 0."""
        return output[:, 0].float().clamp(min=0)

    def measure(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Squares:
        """Add up the squared errors in square metres."""
        require_label_fits(self, output, label)
        return Squares.of(self.predict(output), label, _measured(label) & (label < self.limit))

    def seen(self, label: Float[np.ndarray, "_ _"], view: View) -> Float[np.ndarray, "_ _"]:
        """Return distances divided by the scale: a camera that sees things s times as large stands s times as close."""
        seen = view.nearest(label)
        seen[seen != IGNORE] /= view.scale
        return seen

    def drawn_like(self, label: Float[np.ndarray, "y x"]) -> "Depth":
        """Return the task with the range of distances in this label as its span."""
        return replace(self, span=_range(label))

    def draw(self, values: Float[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return near pixels bright, far ones dark."""
        valid = (values != IGNORE) & np.isfinite(values)
        near, far = self.span or _range(values)
        return shade((far - values) / max(far - near, 1e-6), EMBERS, valid)


def _range(values: Float[np.ndarray, "y x"]) -> tuple[float, float]:
    valid = (values != IGNORE) & np.isfinite(values)
    near, far = np.percentile(values[valid], (2, 98)) if valid.any() else (0.0, 1.0)
    return float(near), float(far)


def _measured(label: Shaped[Tensor, "*b y x"]) -> Bool[Tensor, "*b y x"]:
    return labelled(label) & (label > 0) & label.isfinite()
