"""How often each class is seen, and which values the files hold."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Integer, Shaped

from fedhca.data.described.class_maps import ClassMap, Colour
from fedhca.data.described.guess_kind import NO_LABEL
from fedhca.data.survey.tally import Tally

MOST = 12
"""Colours that are listed."""


@final
class ClassTally(Tally):
    """Pixels and pictures of every class."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        count = self.task.channels
        self.names = self.names or tuple(map(str, range(count)))
        self.counts, self.seen = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.stored: set[int] = set()
        self.colours: set[Colour] = set()

    def count(self, label: Integer[np.ndarray, "..."], known: Bool[np.ndarray, "..."]) -> None:
        """Count the pixels of every class."""
        counts = np.bincount(label[known].astype(np.int64), minlength=len(self.counts))
        self.counts += counts
        self.seen += counts > 0

    def store(self, values: Shaped[np.ndarray, "..."]) -> None:
        """Note the values of a file, or its colours that are not described."""
        if isinstance(self.label, ClassMap) and self.label.colours:
            if values.dtype == np.uint8:
                self.colours |= self.label.strange(values)
        elif values.dtype.kind in "iuf" and values.ndim == 2:
            self.stored |= {int(value) for value in np.unique(values) if np.isfinite(value)}

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
        if not isinstance(self.label, ClassMap):
            return []
        if self.colours:
            some = ", ".join(str([*colour]) for colour in sorted(self.colours)[:MOST])
            return [
                f"`{self.task.name}`: {len(self.colours)} colours are neither in `colours` nor in `ignore`: {some}."
            ]
        held = sorted(self.stored - {*self.label.ignore})
        beyond = [value for value in held if not 0 <= value - self.label.offset < len(self.names)]
        if not beyond:
            return []
        classes = [value for value in held if 0 <= value < 255]
        found = f"`{self.task.name}`: the labels hold {_ranges(held)}"
        none = [value for value in beyond if value in NO_LABEL]
        if len(none) == len(beyond):
            told = " and ".join(map(str, none))
            return [f"{found}: if {told} means no label, set `ignore: {_with(self.label.ignore, none)}`."]
        count = max(classes, default=0) + 1 - self.label.offset
        if count > len(self.names):
            return [f"{found}: set `classes: {count}`, or name as many."]
        return [f"{found}: {_ranges(beyond)} can be no class; what means no label goes to `ignore`."]

    @property
    def _never(self) -> list[str]:
        return [name for name, seen in zip(self.names, self.seen, strict=True) if not seen]


def _with(values: tuple[Any, ...], more: list[int]) -> list[Any] | Any:
    found = [*values, *more]
    return found if len(found) > 1 else found[0]


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
