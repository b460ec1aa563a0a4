"""What is counted of the labels of a task, picture by picture."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from fedhca.data.described.label import Label
from fedhca.tasks.task import IGNORE, Task


class Tally(ABC):
    """Counts of one task's labels; those of a kind add what matters there.

    Args:
        task: whose labels they are.
        label: how they lie in files, if that is described.
        names: of the classes, if they are known.

    """

    def __init__(self, task: Task, label: Label | None = None, names: tuple[str, ...] = ()) -> None:
        self.task, self.label, self.names = task, label, names
        self.pictures = self.with_label = 0
        self.pixels = self.labelled = 0

    def add(self, label: Shaped[np.ndarray, "..."]) -> None:
        """Count the label of one more picture."""
        known = self.known(label)
        self.pictures += 1
        self.with_label += bool(known.any())
        self.pixels += known.size
        self.labelled += int(known.sum())
        if known.any():
            self.count(label, known)

    def known(self, label: Shaped[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        """Return where a label says something."""
        known = np.asarray(label != IGNORE)
        return np.asarray(known.all(axis=2)) if label.ndim == 3 else known

    @abstractmethod
    def count(self, label: Shaped[np.ndarray, "..."], known: Bool[np.ndarray, "..."]) -> None:
        """Count a label, known where it says something."""

    @abstractmethod
    def line(self) -> str:
        """Say in a few words what is in the labels."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the same as JSON would hold it."""

    def store(self, values: Shaped[np.ndarray, "..."]) -> None:  # noqa: B027  few kinds ask for them
        """See the values of one more file, before they are decoded."""

    def advice(self) -> list[str]:
        """Say what of the description should be another thing, as far as the files show it."""
        return []

    @property
    def share(self) -> float:
        """Of the pixels that have a label."""
        return self.labelled / max(1, self.pixels)
