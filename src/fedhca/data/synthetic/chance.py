"""Chance: what a scene draws at random; plain numbers, because arrays of three cost more than the drawing."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Thing = TypeVar("Thing")


class Chance:
    """A stream of random draws."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def between(self, low: float, high: float) -> float:
        """Return a number from a range."""
        return low + (high - low) * self.generator.random()

    def each(self, *ranges: tuple[float, float]) -> list[float]:
        """Return a number from each range."""
        draws = self.generator.random(len(ranges)).tolist()
        return [low + (high - low) * draw for (low, high), draw in zip(ranges, draws, strict=True)]

    def happens(self, probability: float) -> bool:
        """Return whether something of this probability happens."""
        return self.generator.random() < probability

    def pick(self, things: Sequence[Thing]) -> Thing:
        """Return one of the things, each as likely; name one twice to make it twice as likely."""
        return things[int(self.generator.random() * len(things))]

    def shuffle(self, things: Sequence[Thing]) -> list[Thing]:
        """Return the things in random order."""
        draws = self.generator.random(len(things)).tolist()
        return [thing for _, thing in sorted(zip(draws, things, strict=True), key=lambda pair: pair[0])]
