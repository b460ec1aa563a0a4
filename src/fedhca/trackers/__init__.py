"""Trackers show runs in other programs. The journal of a run stays the source of truth; they are fed with its lines."""

from fedhca.trackers.feed import TRACKERS, feeding, require_known, scalars
from fedhca.trackers.tracker import Tracker, Write

__all__ = ["TRACKERS", "Tracker", "Write", "feeding", "require_known", "scalars"]
