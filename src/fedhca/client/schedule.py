"""The learning rate of a local epoch: linear warm-up, then cosine."""

import math
from dataclasses import dataclass

from fedhca.config.federation import Training


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up from `start` to `peak` over local epochs, then a cosine down to `final`.

    The rate is set *after* each epoch, as in the released code: after epoch e (from 0) of E it is

        f(e) = start + e (peak − start)/W                                while e < W
        f(e) = final + ½ (peak − final)(1 + cos π(e − W)/(E − W))        from then on

    so the first two epochs run at `start`, and epoch n at f(n − 1). Warm-up counts local epochs. In a run of W epochs
    or less it takes the first half of them, as the run would otherwise never come near its rate. A client that joins
    later has a schedule of its own from its first epoch to the end of the run, with e and E counted from there.

    Attributes:
        peak: the rate after warm-up.
        epochs: E, local epochs over all rounds.
        warmup: W, epochs of warm-up.
        start: rate of the first epoch; peak/800 if not given, as 1.25e-7 is of 1e-4.
        final: rate at the end; peak/80 if not given, as 1.25e-6 is of 1e-4.
        first: the client's first local epoch, counted from 0 over all rounds.

    """

    peak: float
    epochs: int
    warmup: int = 5
    start: float | None = None
    final: float | None = None
    first: int = 0

    @classmethod
    def of(cls, training: Training, epochs: int, first: int = 0) -> "Schedule":
        """Return the schedule of a client that trains for so many local epochs in all."""
        start, final = training.warmup_learning_rate, training.final_learning_rate
        return cls(training.learning_rate, epochs, training.warmup_epochs, start, final, first)

    def rate(self, epoch: int) -> float:
        """Return the rate a local epoch runs at, counted from 0 over all rounds."""
        return self.after(max(epoch - 1, self.first))

    def after(self, epoch: int) -> float:
        """Return the rate that is set after a local epoch: f above."""
        start = self.peak / 800 if self.start is None else self.start
        final = self.peak / 80 if self.final is None else self.final
        epoch, epochs = epoch - self.first, self.epochs - self.first
        warmup = self.warmup if epochs > self.warmup else (epochs - 1) // 2
        if epoch < warmup:
            return start + epoch * (self.peak - start) / warmup
        return final + (self.peak - final) / 2 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))
