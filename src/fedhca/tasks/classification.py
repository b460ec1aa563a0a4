"""Classification: the class of a picture as a whole."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int, Integer, Shaped, UInt8
from torch import Tensor, nn

from fedhca.errors import RecipeError
from fedhca.tasks import classes
from fedhca.tasks.head import PoolingHead
from fedhca.tasks.on_picture import banner
from fedhca.tasks.pixels import labelled, mean_over
from fedhca.tasks.stats import Hits
from fedhca.tasks.task import IGNORE, Task
from fedhca.tasks.view import View


@final
@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """One class per picture; `channels` is their number, at most 255.

    The label is one whole number, a picture's class or 255 for none. It is the picture's, whatever part of it a crop
    shows. Loss: cross entropy, mean over the labelled pictures. Metric: top-1 accuracy in percent, the share of the
    labelled pictures whose most likely class is the label. A label that is no class raises DataError.

    Attributes:
        names: of the classes, for drawings; their numbers if not given. RecipeError where there are not `channels`.

    """

    name: str = "classification"
    channels: int
    weight: float = 1.0
    names: tuple[str, ...] = ()

    metric: ClassVar[str] = "accuracy"
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a number of classes that would make `IGNORE` one of them, and names that are not theirs."""
        classes.require_count(self)
        if self.names and len(self.names) != self.channels:
            found = f"Found {len(self.names)}."
            raise RecipeError(f"Task '{self.name}' should have a name for each of {self.channels} classes. {found}")

    def head(self, width: int) -> nn.Module:
        """Return a head that pools over the picture."""
        return PoolingHead(width, self.channels)

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:
        """Raise DataError for what is no class."""
        classes.check_map(self, label, ())

    def loss(self, output: Float[Tensor, "b c"], label: Int[Tensor, "b"]) -> Float[Tensor, ""]:
        """Return the mean cross entropy over labelled pictures."""
        return mean_over(classes.cross_entropy(self, output, label), labelled(label))

    def predict(self, output: Float[Tensor, "b c"]) -> Int[Tensor, "b"]:
        """Return the most likely class of each picture."""
        return output.argmax(dim=1)

    def measure(self, output: Float[Tensor, "b c"], label: Int[Tensor, "b"]) -> Hits:
        """Count the labelled pictures, and those whose class was found."""
        classes.require_classes(self, output, label)
        return Hits.of(self.predict(output) == label, labelled(label))

    def seen(self, label: Integer[np.ndarray, ""], view: View) -> Integer[np.ndarray, ""]:
        """Return the label of the picture."""
        return label.copy()

    def shrunk(
        self, label: Integer[np.ndarray, ""], shape: tuple[int, int], size: tuple[int, int]
    ) -> Integer[np.ndarray, ""]:
        """Return the label of the picture."""
        return label

    def finished(
        self, label: Integer[np.ndarray, ""], shape: tuple[int, int], size: tuple[int, int]
    ) -> Integer[np.ndarray, ""]:
        """Return the label as int64."""
        return label.astype(np.int64)

    def draw(self, values: Integer[np.ndarray, ""], picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
        """Return the picture over a band with the name and the colour of its class."""
        index = int(values)
        known = index != IGNORE
        return banner(picture, (self.names[index] if self.names else f"class {index}") if known else "no label", index)
