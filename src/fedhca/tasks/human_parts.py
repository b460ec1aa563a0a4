"""Human parts: background and six parts of the body."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int64, Integer

from fedhca.tasks.classes import ClassMaps
from fedhca.tasks.task import IGNORE

PARTS = ("background", "head", "torso", "upper arms", "lower arms", "upper legs", "lower legs")
"""Human parts by number; hands go with lower arms and feet with lower legs."""
HEAD, TORSO, UPPER_ARM, LOWER_ARM, UPPER_LEG, LOWER_LEG = range(1, len(PARTS))


@final
@dataclass(frozen=True, kw_only=True)
class HumanParts(ClassMaps):
    """The part of the body at every pixel; a picture without people has no label.

    Classes: background, head, torso, upper arms, lower arms, upper legs, lower legs. Loss: cross entropy, mean over
    the labelled pixels. Metric: mIoU in percent over all seven. A label that is no class raises DataError.
    """

    name: str = "human_parts"
    channels: int = 7
    weight: float = 2.0

    def finished(
        self, label: Integer[np.ndarray, "_ _"], shape: tuple[int, int], size: tuple[int, int]
    ) -> Int64[np.ndarray, "_ _"]:
        """Return the padded map; one that shows no part says nothing: the people of the picture may not be in sight."""
        finished = super().finished(label, shape, size)
        if not np.any((finished != 0) & (finished != IGNORE)):
            finished.fill(IGNORE)
        return finished
