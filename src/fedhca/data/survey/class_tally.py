"""How often each class is seen, and which values the files hold."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Integer, Shaped

from fedhca.data.described.class_maps import MOST, ClassMap
from fedhca.data.survey.tally import Tally


@final
class ClassTally(Tally):
    """Pixels and pictures of every class."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        count = self.task.channels
        self.names = self.names or tuple(map(str, range(count)))
        self.counts, self.seen = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.stored = np.zeros(MOST, np.int64)

    def count(self, label: Integer[np.ndarray, "..."], known: Bool[np.ndarray, "..."]) -> None:
        """Count the pixels of every class."""
        counts = np.bincount(label[known].astype(np.int64), minlength=len(self.counts))
        self.counts += counts
        self.seen += counts > 0

    def store(self, values: Shaped[np.ndarray, "..."]) -> None:
        """Count the files that hold a value."""
        if values.dtype.kind in "ub" or (values.dtype.kind == "i" and values.size and values.min() >= 0):
            held = np.unique(values)
            self.stored[held[held < MOST].astype(np.int64)] += 1

    def line(self) -> str:
        """Say how many classes there are, and which are never seen."""
        never = self._never
        text = f"{len(self.names)} classes"
        return f"{text}, never seen: {', '.join(never)}" if never else f"{text}, all seen"

    def facts(self) -> dict[str, Any]:
        """Return the share of labelled pixels, and the pictures, of every class."""
        shares = self.counts / max(1, self.labelled)
        rows = zip(self.names, shares, self.seen, strict=True)
        return {"classes": {name: {"share": float(share), "pictures": int(seen)} for name, share, seen in rows}}

    def advice(self) -> list[str]:
        """Say how many classes the files hold."""
        if not isinstance(self.label, ClassMap) or not self.stored.any():
            return []
        held = [int(value) for value in np.flatnonzero(self.stored) if value not in self.label.ignore]
        beyond = [value for value in held if value >= self.label.offset + len(self.names)]
        if not beyond:
            return []
        classes = [value for value in held if value < 255]
        found = f"`{self.task.name}`: the labels hold {_ranges(held)}"
        if beyond == [255]:
            return [f"{found}: if 255 means no label, set `ignore: {_with(self.label.ignore, 255)}`."]
        return [f"{found}: set `classes: {max(classes, default=held[-1]) + 1 - self.label.offset}`, or name as many."]

    @property
    def _never(self) -> list[str]:
        return [name for name, seen in zip(self.names, self.seen, strict=True) if not seen]


def _with(values: tuple[int, ...], more: int) -> list[int] | int:
    return [*values, more] if values else more


def _ranges(values: list[int]) -> str:
    """Return numbers in few words.

    >>> _ranges([0, 1, 2, 3, 7, 9, 10])
    '0 to 3, 7, 9, 10'
    """
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words if len(words) <= 8 else [*words[:7], "…", words[-1]])
