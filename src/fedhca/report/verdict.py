"""Whether something is told apart from something else, over the seeds that both have: better, worse, or neither."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal, get_args

from scipy.special import stdtr, stdtrit

from fedhca.report.formatting import printed

Word = Literal["better", "worse", "not told apart"]
LEVEL = 0.05


@dataclass(frozen=True)
class Verdict:
    """What paired differences show.

    Attributes:
        word: the verdict.
        mean: of the differences; NaN where there are none, or one was not measured.
        margin: half the width of their 95 % t interval; infinite on one seed.
        seeds: how many there are.

    """

    word: Word
    mean: float
    margin: float
    seeds: int

    @property
    def interval(self) -> str:
        """The 95 % interval of this comparison by itself, or why there is none."""
        if not math.isfinite(self.margin):
            return "one seed" if self.seeds == 1 else "not measured"
        low, high = (printed(f"{self.mean + sign * self.margin:+.2f}") for sign in (-1, 1))
        return f"{low} to {high}"


def verdicts(comparisons: Sequence[Sequence[float]]) -> list[Verdict]:
    """Give a verdict on each of several comparisons that answer one question.

    A comparison is a list of differences, one for each seed, positive is better. Its mean is held against 0 by a paired
    t test (two-sided, 5 %), with Holm's correction for the number of comparisons (Scandinavian Journal of Statistics,
    1979). One seed tells nothing apart.

    >>> [each.word for each in verdicts([[1.0, 1.2, 1.1], [-5.0, 5.0, 0.1]])]
    ['better', 'not told apart']
    """
    tested = [_test(differences) for differences in comparisons]
    found: list[Word] = ["not told apart"] * len(tested)
    for left, place in enumerate(sorted(range(len(tested)), key=lambda place: tested[place][2])):
        mean, _, p = tested[place]
        if p > LEVEL / (len(tested) - left):
            break
        found[place] = "better" if mean > 0 else "worse"
    return [
        Verdict(word, mean, margin, len(differences))
        for word, (mean, margin, _), differences in zip(found, tested, comparisons, strict=True)
    ]


def verdict_words(found: Mapping[str, Verdict]) -> str:
    """Say which of several are better, worse and not told apart.

    >>> verdict_words({"a": Verdict("worse", -1.0, 0.5, 3), "b": Verdict("not told apart", 0.1, 0.5, 3)})
    'worse: a; not told apart: b'
    """
    if all(each.seeds < 2 for each in found.values()):
        return "one seed tells nothing apart"
    names = {word: [name for name, each in found.items() if each.word == word] for word in get_args(Word)}
    return "; ".join(f"{word}: {', '.join(each)}" for word, each in names.items() if each)


def _test(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, half the width of the t interval, and the probability of such a mean by chance."""
    if not differences or not all(map(math.isfinite, differences)):
        return math.nan, math.nan, 1.0
    mean, freedom = fmean(differences), len(differences) - 1
    if not freedom:
        return mean, math.inf, 1.0
    error = stdev(differences) / math.sqrt(len(differences))
    if error == 0:
        return mean, 0.0, 1.0 if mean == 0 else 0.0
    return mean, float(stdtrit(freedom, 1 - LEVEL / 2)) * error, 2 * float(stdtr(freedom, -abs(mean) / error))
