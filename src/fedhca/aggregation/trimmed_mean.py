"""The mean without the extremes of each coordinate, and the median, which few liars cannot move out of the range."""

import math

from fedhca.aggregation.aggregator import Aggregator, stateless
from fedhca.aggregation.rows import Rows
from fedhca.aggregation.trimming import Trimming
from fedhca.errors import RecipeError

ROUNDING = 1e-9
"""So that 0.29 of 100 is 29, which in floating point it is not quite."""


def trimmed_mean(*, share: float = 0.2) -> Aggregator:
    """Answer everyone the coordinate-wise trimmed mean (Yin et al., Byzantine-robust distributed learning, ICML 2018).

        answer_c = 1/(m − 2k) Σ_{k < r ≤ m−k} w_(r)c,     k = ⌊share · m⌋

    with w_(1)c ≤ … ≤ w_(m)c what the m participants sent, in order. As long as no more than k of them lie, every
    coordinate lies between the least and the greatest that was sent in good faith.

    Args:
        share: of the participants, left out at either end, in [0, 0.5); 0 is the mean.

    Raises:
        RecipeError: the share is outside its range.

    """
    if not 0 <= share < 0.5:
        raise RecipeError(f"Parameter `share` should be in [0, 0.5). Found `share = {share}`.")

    def rule(rows: Rows) -> Trimming:
        m = len(rows.members)
        return Trimming(min(math.floor(share * m + ROUNDING), (m - 1) // 2))

    return stateless(rule)


def coordinate_median() -> Aggregator:
    """Answer everyone the coordinate-wise median (Yin et al., Byzantine-robust distributed learning, ICML 2018).

        answer_c = median_j w_jc,     w_j what was sent; of an even number the mean of the two in the middle

    It is the trimmed mean that leaves out as many as it can: k = ⌊(m − 1)/2⌋ at either end.
    """
    return stateless(lambda rows: Trimming((len(rows.members) - 1) // 2))
