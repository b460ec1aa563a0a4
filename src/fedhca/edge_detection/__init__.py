"""Edge detection's benchmark without MATLAB: ODS (also called odsF), OIS and average precision, exactly.

    benchmark, Scores     edge maps and truths in, scores out
    suppress              non-maximum suppression of a soft edge map
    boundaries_of, thin   boundaries of regions, one pixel wide
    match                 the greatest number of pairs of near pixels
    count                 the counts of one picture, which add up over a set

A name is loaded when it is first used, and with it the compiler that the loops need.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedhca.edge_detection.boundaries import boundaries_of
    from fedhca.edge_detection.counts import count
    from fedhca.edge_detection.evaluation import benchmark
    from fedhca.edge_detection.matching import match
    from fedhca.edge_detection.scores import Scores
    from fedhca.edge_detection.suppression import suppress
    from fedhca.edge_detection.thinning import thin

_HOMES = {
    "Scores": "scores",
    "benchmark": "evaluation",
    "boundaries_of": "boundaries",
    "count": "counts",
    "match": "matching",
    "suppress": "suppression",
    "thin": "thinning",
}

__all__ = ["Scores", "benchmark", "boundaries_of", "count", "match", "suppress", "thin"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fedhca.edge_detection' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(f"fedhca.edge_detection.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
