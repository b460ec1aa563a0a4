"""What a task is: its channels, its loss, its prediction, its metric, its drawing."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from fedhca.stats import Stat

IGNORE = 255
"""The value that means "no label here" in the label map of every task."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """One kind of dense prediction.

    A label map holds `IGNORE` where there is no label, whatever the task. Sizes: b pictures, c channels, y × x pixels.

    Attributes:
        name: the task's name in recipes and reports.
        channels: channels of the head's output.
        weight: factor of this task's loss in the sum over a client's tasks.

    """

    name: str
    channels: int
    weight: float = 1.0

    metric: ClassVar[str]
    """Name of the metric, as it stands in tables."""
    unit: ClassVar[str]
    """Unit of the metric."""
    higher_is_better: ClassVar[bool]
    """Which way the metric improves."""

    @abstractmethod
    def loss(self, output: Float[Tensor, "b c y x"], label: Shaped[Tensor, "b ..."]) -> Float[Tensor, ""]:
        """Return the loss, unweighted; 0 with a gradient of 0 where no pixel has a label."""

    @abstractmethod
    def predict(self, output: Float[Tensor, "b c y x"]) -> Shaped[Tensor, "b ..."]:
        """Return the prediction in the label's units and shape."""

    @abstractmethod
    def measure(self, output: Float[Tensor, "b c y x"], label: Shaped[Tensor, "b ..."]) -> Stat:
        """Return the sums from which the metric is computed."""

    def drawn_like(self, label: Shaped[np.ndarray, "..."]) -> "Task":
        """Return the task with the colour scale that fits this label, so that drawings can be held side by side."""
        return self

    @abstractmethod
    def draw(self, values: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "y x 3"]:
        """Return one picture's prediction, or its label, as RGB."""
