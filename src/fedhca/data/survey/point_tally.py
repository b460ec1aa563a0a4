"""How often each point has a label."""

from typing import Any, final

import numpy as np
from jaxtyping import Bool, Real

from fedhca.data.survey.tally import Tally


@final
class PointTally(Tally):
    """Pictures in which each point has a label."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.names = self.names or tuple(map(str, range(self.task.channels)))
        self.seen = np.zeros(self.task.channels, np.int64)

    def known(self, label: Real[np.ndarray, "k 3"]) -> Bool[np.ndarray, "k"]:
        """Return which points have a label."""
        return label[:, 2] > 0

    def count(self, label: Real[np.ndarray, "k 3"], known: Bool[np.ndarray, "k"]) -> None:
        """Count the points that have a label."""
        self.seen += known

    def line(self) -> str:
        """Say how many points there are, and which are never seen."""
        never = [name for name, seen in zip(self.names, self.seen, strict=True) if not seen]
        return f"{len(self.names)} points, " + (f"never seen: {', '.join(never)}" if never else "all seen")

    def facts(self) -> dict[str, Any]:
        """Return the pictures in which each point has a label."""
        return {"points": {name: int(seen) for name, seen in zip(self.names, self.seen, strict=True)}}
