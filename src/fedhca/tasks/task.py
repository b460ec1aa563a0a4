"""What a task is: its channels, its loss, its prediction, its metric, its label, its drawing."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

import cv2
import numpy as np
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor, nn

from fedhca.tasks.head import Head
from fedhca.tasks.stats import NotFinite, Stat
from fedhca.tasks.view import View, pad
from fedhca.wire.parameters import is_finite

IGNORE = 255
"""The value that means "no label here" in the label map of every task."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """One kind of prediction, with all that depends on what its labels mean.

    What is said here of labels holds for maps: of a picture of y × x pixels, an array [y, x] or [y, x, channels] that
    holds `IGNORE` where there is no label. A task whose labels are no maps says itself what becomes of them. Sizes: b
    pictures, c channels, y × x pixels.

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
    steers_crop: ClassVar[bool] = False
    """Whether the label holds classes, and training looks for crops that one of them does not fill."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Have every kind of task measure finite outputs only: a NaN has a greatest class, and reaches no threshold."""
        super().__init_subclass__(**options)
        if "measure" in vars(cls):
            cls.measure = _of_finite(cls.measure)  # type: ignore[method-assign]

    def head(self, width: int) -> nn.Module:
        """Return the head: from a decoder's map [b, width, y, x] to the output.

        A map of any size is brought to the picture's; an output [b, c] is of the picture as a whole. The same numbers
        are drawn for the same name, so heads of one task start alike.
        """
        return Head(width, self.channels)

    @abstractmethod
    def loss(self, output: Float[Tensor, "b c ..."], label: Shaped[Tensor, "b ..."]) -> Float[Tensor, ""]:
        """Return the loss, unweighted; 0 with a gradient of 0 where nothing has a label."""

    @abstractmethod
    def predict(self, output: Float[Tensor, "b c ..."]) -> Shaped[Tensor, "b ..."]:
        """Return the prediction in the label's units and shape."""

    @abstractmethod
    def measure(self, output: Float[Tensor, "b c ..."], label: Shaped[Tensor, "b ..."]) -> Stat:
        """Return the sums from which the metric is computed; it is not asked where an output is not finite."""

    def check_label(self, label: Shaped[Tensor, "..."], size: tuple[int, int]) -> None:  # noqa: B027  any label will do
        """Raise DataError for what is no label of a picture of `size` pixels, in the form that the loss takes.

        Every sample is asked, in training and in tests; see `tasks.pixels.require_label`.
        """

    def doubt(self, label: Shaped[Tensor, "... y x"]) -> str:
        """Say what is odd about a map of labels that could be one; "" if nothing is.

        A data set is refused if the first maps are odd all alike: here those of 0 beside 255, which then mean yes.
        """
        known = label != IGNORE
        known = known.flatten(end_dim=-3).all(0) if known.dim() > 2 else known
        inside = known[known.any(1)][:, known.any(0)]  # without a margin, which may be padding
        if inside.all() or label[..., known].any():
            return ""
        return "should hold more than 0 and 255, which means no label: where 255 means yes, divide by 255"

    def seen(self, label: Shaped[np.ndarray, "..."], view: View) -> Shaped[np.ndarray, "..."]:
        """Return the label of what a training sample shows, a new array: the nearest pixels."""
        return view.nearest(label)

    def shrunk(
        self, label: Shaped[np.ndarray, "..."], shape: tuple[int, int], size: tuple[int, int]
    ) -> Shaped[np.ndarray, "..."]:
        """Return the label of a picture of `shape` pixels that is made smaller, to `size`: the nearest pixels."""
        return cv2.resize(label, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

    def finished(
        self, label: Shaped[np.ndarray, "..."], shape: tuple[int, int], size: tuple[int, int]
    ) -> Shaped[np.ndarray, "..."]:
        """Return the label of a picture of `shape` pixels as models are held against it, when it is padded to `size`.

        Whole numbers become int64, others float32, channels come first; `IGNORE` is in the padding.
        """
        planes = np.moveaxis(label, 2, 0) if label.ndim == 3 else label
        return pad(planes, size, IGNORE, np.int64 if np.issubdtype(label.dtype, np.integer) else np.float32)

    def known(self, values: Shaped[np.ndarray, "..."], label: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
        """Return a prediction without what the label says nothing of, so that both can be held side by side."""
        return np.where(label == IGNORE, np.asarray(IGNORE, dtype=values.dtype), values)

    def drawn_like(self, label: Shaped[np.ndarray, "..."]) -> "Task":
        """Return the task with the colour scale that fits this label, so that drawings can be held side by side."""
        return self

    @abstractmethod
    def draw(
        self, values: Shaped[np.ndarray, "..."], picture: UInt8[np.ndarray, "_ _ 3"]
    ) -> UInt8[np.ndarray, "_ _ 3"]:
        """Return a picture's prediction, or its label, as RGB: a map of its own, or what is said of it on the picture.

        The drawing may be larger than the picture, but not of another form.
        """


def _of_finite(measure: Callable[..., Stat]) -> Callable[..., Stat]:
    """Return `measure` with the answer `NotFinite` where an output is not finite."""

    @wraps(measure)
    def measured(task: Task, output: Tensor, label: Tensor) -> Stat:
        return measure(task, output, label) if is_finite(output) else NotFinite()

    return measured
