"""Semantic segmentation: the class of every pixel."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int, Integer, Shaped, UInt8
from torch import Tensor

from fedhca.stats import Confusion
from fedhca.tasks import classes
from fedhca.tasks.palette import paint_classes
from fedhca.tasks.pixels import labelled, mean_over
from fedhca.tasks.task import Task


@final
@dataclass(frozen=True, kw_only=True)
class SemanticSegmentation(Task):
    """One class per pixel; `channels` is the data set's number of classes, at most 255.

    Loss: cross entropy, mean over the labelled pixels. Metric: mIoU in percent over all classes.
    A label that is no class raises DataError, other channels than the task's raise RecipeError.

    >>> SemanticSegmentation(channels=21)
    SemanticSegmentation(name='semseg', channels=21, weight=1.0)
    """

    name: str = "semseg"
    channels: int
    weight: float = 1.0

    metric: ClassVar[str] = "mIoU"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True
    steers_crop: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a number of classes that would make `IGNORE` one of them."""
        classes.require_count(self)

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of classes."""
        classes.check_map(self, label, size)

    def loss(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the mean cross entropy over labelled pixels."""
        return mean_over(classes.cross_entropy(self, output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b c y x"]) -> Int[Tensor, "b y x"]:
        """Return the most likely class of each pixel."""
        return classes.most_likely(output)

    def measure(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Confusion:
        """Count pixels by true and predicted class."""
        return classes.confusion(self, output, label)

    def draw(
        self, values: Integer[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Return one colour per class."""
        return paint_classes(values)
