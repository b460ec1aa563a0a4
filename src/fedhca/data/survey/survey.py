"""Reading every picture of a data set once, with all its labels."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from fedhca.data.described.described_source import Described
from fedhca.data.source import IMAGE, Source
from fedhca.data.survey.class_tally import ClassTally
from fedhca.data.survey.tallies import DepthTally, MaskTally, NormalTally, PointTally
from fedhca.data.survey.tally import Tally
from fedhca.errors import DataError
from fedhca.tasks import (
    Classification,
    Depth,
    Edges,
    HumanParts,
    Keypoints,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)
from fedhca.tasks.kinds import kind_of
from fedhca.tasks.task import Task

MOST = 100
"""Problems that are kept; beyond them, they are counted."""

TALLIES: Mapping[type[Task], type[Tally]] = {
    **dict.fromkeys((SemanticSegmentation, HumanParts, Classification), ClassTally),
    **dict.fromkeys((Saliency, Edges), MaskTally),
    Keypoints: PointTally,
    SurfaceNormals: NormalTally,
    Depth: DepthTally,
}
"""What is counted of the labels of each kind."""


@dataclass
class Survey:
    """What was found.

    Attributes:
        splits: pictures of each.
        sizes: pictures of each height and width.
        tallies: what is in the labels of each task, by name.
        problems: one line for each thing that is wrong, the first ones.
        wrong: how many there are.

    """

    splits: dict[str, int]
    tallies: dict[str, Tally]
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    wrong: int = 0

    @property
    def pictures(self) -> int:
        """All pictures, of all splits."""
        return sum(self.splits.values())

    @property
    def advice(self) -> list[str]:
        """What should be described in another way, one line each."""
        return [line for tally in self.tallies.values() for line in tally.advice()]

    @property
    def largest(self) -> tuple[int, int]:
        """Greatest height and greatest width; 0 of no picture."""
        return max((y for y, _ in self.sizes), default=0), max((x for _, x in self.sizes), default=0)

    def facts(self) -> dict[str, Any]:
        """Return all that was found as JSON would hold it."""
        tasks = {
            name: {"kind": kind_of(tally.task), "pictures": tally.with_label, "labelled": tally.share, **tally.facts()}
            for name, tally in self.tallies.items()
        }
        sizes = [{"size": [*size], "pictures": count} for size, count in self.sizes.most_common()]
        wrong = {"problems": self.problems, "wrong": self.wrong, "advice": self.advice}
        return {"splits": self.splits, "sizes": sizes, "tasks": tasks, **wrong}


def survey_source(splits: Mapping[str, Source], done: Callable[[int], None] = lambda count: None) -> Survey:
    """Read all pictures of some splits of one data set.

    Args:
        splits: the sources, by the names of the splits; all have the same tasks.
        done: told how many pictures were read, as they are.

    """
    first = next(iter(splits.values()))
    found = Survey({name: len(source) for name, source in splits.items()}, tallies_of(first))
    lock, count = Lock(), 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for source in splits.values():
            look = partial(_look, source, found, lock)
            for lines in pool.map(look, range(len(source))):  # in the order of the pictures, however many at once
                found.wrong += len(lines)
                found.problems += lines[: max(0, MOST - len(found.problems))]
                count += 1
                done(count)
    return found


def tallies_of(source: Source) -> dict[str, Tally]:
    """Return empty tallies for the tasks of a data set, by name; tasks of a kind nobody counts have none."""
    labels = source.labels if isinstance(source, Described) else {}
    return {
        name: TALLIES[type(task)](task, labels.get(name), tuple(getattr(labels.get(name), "names", ())))
        for name, task in source.tasks.items()
        if type(task) in TALLIES
    }


def _look(source: Source, found: Survey, lock: Lock, index: int) -> list[str]:
    """Read a picture and its labels into the tallies; return what is wrong, one line each."""
    problems = []
    for name, values in _read(source, index):
        if isinstance(values, DataError):
            problems.append(str(values))
            continue
        with lock:
            if name == IMAGE:
                found.sizes[values.shape[0], values.shape[1]] += 1
            elif name in found.tallies:
                found.tallies[name].add(values)
            elif name.startswith(STORED):
                found.tallies[name.removeprefix(STORED)].store(values)
    return problems


STORED = "stored/"


def _read(source: Source, index: int) -> Iterator[tuple[str, np.ndarray | DataError]]:
    """Yield the picture and each label, or what is wrong with it; labels as they are stored, too, where they are."""
    if not isinstance(source, Described):
        try:
            yield from source.read(index, [*source.tasks]).items()
        except DataError as error:
            yield IMAGE, error
        return
    try:
        path, image = source.picture(index)
    except DataError as error:
        yield IMAGE, error
        return
    yield IMAGE, image
    for task, label in source.labels.items():
        try:
            if label.missing == "ignore" and not source.has(index, task):
                yield task, label.nothing((image.shape[0], image.shape[1]))
                continue
            stored = source.stored(index, task)
            yield STORED + task, stored[1]
            yield task, source.decoded(task, stored, path, image)
        except DataError as error:
            yield task, error
