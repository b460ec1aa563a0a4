"""Human parts: background and six parts of the body."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int, Int64, Integer, Shaped, UInt8
from torch import Tensor

from fedhca.stats import Confusion
from fedhca.tasks import classes
from fedhca.tasks.palette import paint_classes
from fedhca.tasks.pixels import labelled, mean_over
from fedhca.tasks.task import IGNORE, Task

PARTS = ("background", "head", "torso", "upper arms", "lower arms", "upper legs", "lower legs")
"""Human parts by number; hands go with lower arms and feet with lower legs."""
HEAD, TORSO, UPPER_ARM, LOWER_ARM, UPPER_LEG, LOWER_LEG = range(1, len(PARTS))


@final
@dataclass(frozen=True, kw_only=True)
class HumanParts(Task):
    """The part of the body at every pixel; a picture without people has no label.

    Classes: background, head, torso, upper arms, lower arms, upper legs, lower legs. Loss: cross entropy, mean over
    the labelled pixels. Metric: mIoU in percent over all seven. A label that is no class raises DataError.
    """

    name: str = "human_parts"
    channels: int = 7
    weight: float = 2.0

    metric: ClassVar[str] = "mIoU"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no map of classes."""
        classes.check_map(self, label, size)

    def loss(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Float[Tensor, ""]:
        """Return the mean cross entropy over labelled pixels."""
        return mean_over(classes.cross_entropy(self, output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b c y x"]) -> Int[Tensor, "b y x"]:
        """Return the most likely part at each pixel."""
        return classes.most_likely(output)

    def measure(self, output: Float[Tensor, "b c y x"], label: Int[Tensor, "b y x"]) -> Confusion:
        """Count pixels by true and predicted part."""
        return classes.confusion(self, output, label)

    def finished(
        self, label: Integer[np.ndarray, "_ _"], shape: tuple[int, int], size: tuple[int, int]
    ) -> Int64[np.ndarray, "_ _"]:
        """Return the padded map; one that shows no part says nothing: the people of the picture may not be in sight."""
        finished = super().finished(label, shape, size)
        if not np.any((finished != 0) & (finished != IGNORE)):
            finished.fill(IGNORE)
        return finished

    def draw(
        self, values: Integer[np.ndarray, "y x"], picture: UInt8[np.ndarray, "_ _ 3"]
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Return one colour per part."""
        return paint_classes(values)
