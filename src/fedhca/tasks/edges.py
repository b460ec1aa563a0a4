"""Edges: the probability of a boundary at every pixel."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import softplus

from fedhca.errors import RecipeError
from fedhca.stats import Mean
from fedhca.tasks.palette import INK, shade
from fedhca.tasks.pixels import labelled, mean_over, require_fit
from fedhca.tasks.task import IGNORE, Task


@final
@dataclass(frozen=True, kw_only=True)
class Edges(Task):
    """A boundary's probability p = σ(output) per pixel, label float in [0, 1].

    Loss: −w·label·log p − (1 − w)·(1 − label)·log(1 − p), mean over the labelled pixels. Metric: this loss over the
    data set; the benchmark's odsF needs the exported pictures.

    Attributes:
        positive_weight: w in [0, 1]; boundaries are rare, so they weigh more. RecipeError outside.

    """

    name: str = "edge"
    channels: int = 1
    weight: float = 50.0
    positive_weight: float = 0.95

    metric: ClassVar[str] = "loss"
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a weight that would reward a wrong answer."""
        if not 0 <= self.positive_weight <= 1:
            raise RecipeError(f"`positive_weight` should be in [0, 1]. Found {self.positive_weight}.")

    def loss(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the weighted binary cross entropy, mean over labelled pixels."""
        return mean_over(self._cross_entropy(output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b 1 y x"]) -> Float[Tensor, "b y x"]:
        """Return the probability of a boundary, in [0, 1]."""
        return output[:, 0].float().sigmoid()

    def measure(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Mean:
        """Add up the loss of every labelled pixel."""
        return Mean.of(self._cross_entropy(output, label), labelled(label))

    def draw(self, values: Float[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return dark lines on white."""
        return shade(values, INK, values != IGNORE)

    def _cross_entropy(self, output: Float[Tensor, "b 1 y x"], label: Float[Tensor, "b y x"]) -> Float[Tensor, "b y x"]:
        require_fit(self, output, label)
        logit, truth = output[:, 0].float(), torch.where(labelled(label), label, 0.0)
        # −log σ(z) = softplus(−z) and −log(1 − σ(z)) = softplus(z): no logarithm of 0 however sure the answer
        missed, invented = truth * softplus(-logit), (1 - truth) * softplus(logit)
        return self.positive_weight * missed + (1 - self.positive_weight) * invented
