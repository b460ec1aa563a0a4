"""How long something will take yet, from how long it took so far."""

import time
from collections.abc import Callable
from datetime import timedelta

UNKNOWN = "-:--:--"


class Pace:
    """Counts what is done since a first look: what was done before took no time now.

    Args:
        total: of all that is to be done.
        clock: seconds.

    """

    def __init__(self, total: int | float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.total, self.clock = total, clock
        self.behind: int | float | None = None
        self.began = 0.0

    def begin(self, done: int | float) -> None:
        """Start the clock, if it does not run yet, with so much done before."""
        if self.behind is None:
            self.behind, self.began = done, self.clock()

    def left(self, done: int | float) -> str:
        """Return what is left, to whole seconds, when so much is done; dashes as long as nothing tells.

        >>> now = iter([0.0, 20.0])
        >>> pace = Pace(total=10, clock=lambda: next(now))
        >>> pace.begin(4)
        >>> pace.left(5)
        '0:01:40'
        """
        self.begin(done)
        if self.behind is None or done <= self.behind:
            return UNKNOWN
        each = (self.clock() - self.began) / (done - self.behind)
        return str(timedelta(seconds=round(each * max(0.0, self.total - done))))
