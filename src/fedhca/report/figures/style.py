"""How a line or bar looks: hue, dash and marker together, so that nothing hangs on colour alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from fedhca.report.figures.theme import LIGHT, Theme

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.4, 1.4), (5, 1.6, 1.4, 1.6))
REFERENCE = -1


@dataclass(frozen=True)
class Look:
    """The looks of one thing in every figure.

    Attributes:
        hue: place among the theme's hues; REFERENCE is ink.
        dash: place among DASHES.
        marker: place among MARKERS.

    """

    hue: int
    dash: int = 0
    marker: int = 0

    def colour(self, theme: Theme) -> str:
        """Return the colour in this theme."""
        return theme.ink if self.hue == REFERENCE else theme.hues[self.hue % len(theme.hues)]

    def style(self, theme: Theme) -> dict[str, Any]:
        """Return what matplotlib wants to know of a line."""
        dash = DASHES[self.dash % len(DASHES)]
        return {
            "color": self.colour(theme),
            "linestyle": (0, dash) if dash else "-",
            "marker": MARKERS[self.marker % len(MARKERS)],
        }


FIXED = {
    "local": Look(REFERENCE, dash=1),
    "fedhca2": Look(0),
    "fedavg": Look(1, marker=1),
    "fedper": Look(2, marker=2),
    "fedamp": Look(3, marker=3),
    "ditto": Look(4, marker=4),
    "fedprox": Look(5, marker=5),
    "matfl": Look(6, marker=6),
    "official": Look(0, dash=2, marker=7),
}
"""The methods of the paper look the same in every report."""


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Give each name its looks: methods of the paper their own, others the next hue that is still free.

    >>> looks(["fedhca2", "fedhca2 c=0.2"])
    {'fedhca2': Look(hue=0, dash=0, marker=0), 'fedhca2 c=0.2': Look(hue=1, dash=0, marker=1)}
    """
    names = list(names)
    found = {name: FIXED[name] for name in names if name in FIXED}
    taken = {(look.hue, look.dash) for look in found.values()}
    free = (look for look in _all() if (look.hue, look.dash) not in taken)
    return {name: found[name] if name in found else next(free) for name in names}


def _all() -> Iterator[Look]:
    """Every hue, then every hue with the next dash, and so on."""
    for turn in count():
        for hue in range(len(LIGHT.hues)):
            yield Look(hue, turn, hue + turn)
