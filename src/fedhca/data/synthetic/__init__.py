"""Scenes painted on the fly from a seed, with exact labels: indoor rooms, and figures out of doors."""

from fedhca.data.synthetic.figures import Figures
from fedhca.data.synthetic.rooms import Rooms

__all__ = ["Figures", "Rooms"]
