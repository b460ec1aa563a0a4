"""Saliency: what in a picture catches the eye."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int, Real, Shaped, UInt8
from torch import Tensor

from fedhca.tasks import classes
from fedhca.tasks.palette import BLUES, shade
from fedhca.tasks.pixels import labelled, mean_over
from fedhca.tasks.stats import ThresholdCounts
from fedhca.tasks.task import IGNORE, Task


@final
@dataclass(frozen=True, kw_only=True)
class Saliency(Task):
    """The probability that a pixel is salient: class 1 of two.

    Loss: two-class cross entropy, where salient pixels weigh the share of background in the batch's labelled pixels
    and background pixels the share of salient ones; the sum is divided by the number of labelled pixels, not by the
    sum of weights. Metric: maxF in percent over thresholds 0.05 … 0.95. A label not 0, 1 or 255 raises DataError.
    """

    name: str = "sal"
    channels: int = 2
    weight: float = 5.0

    metric: ClassVar[str] = "maxF"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of classes."""
        classes.check_map(self, label, size)

    def loss(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the balanced cross entropy; 0 where all labelled pixels are of one class."""
        valid, salient = labelled(label), label == 1
        share = mean_over(salient.float(), valid)
        weight = torch.where(salient, 1 - share, share)
        return mean_over(weight * classes.cross_entropy(self, output, label), valid)

    def predict(self, output: Float[Tensor, "b c y x"]) -> Float[Tensor, "b y x"]:
        """Return the probability of being salient, in [0, 1]."""
        return output.float().softmax(dim=1)[:, 1]

    def measure(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> ThresholdCounts:
        """Count true, predicted and actual positives at every threshold."""
        classes.require_classes(self, output, label)
        return ThresholdCounts.of(self.predict(output), label, labelled(label))

    def draw(self, values: Real[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return white for 0, deep blue for 1."""
        return shade(values, BLUES, values != IGNORE)
