"""Semantic segmentation: the class of every pixel."""

from dataclasses import dataclass
from typing import ClassVar, final

from fedhca.tasks import classes


@final
@dataclass(frozen=True, kw_only=True)
class SemanticSegmentation(classes.ClassMaps):
    """One class per pixel; `channels` is the data set's number of classes, at most 255.

    Loss: cross entropy, mean over the labelled pixels. Metric: mIoU in percent over all classes.
    A label that is no class raises DataError, other channels than the task's raise RecipeError.

    >>> SemanticSegmentation(channels=21)
    SemanticSegmentation(name='semseg', channels=21, weight=1.0)
    """

    name: str = "semseg"
    channels: int
    weight: float = 1.0

    steers_crop: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a number of classes that would make `IGNORE` one of them."""
        classes.require_count(self)
