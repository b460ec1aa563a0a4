"""What a verdict on paired differences must obey, whatever they are."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fedhca.report.verdict import verdicts

gains = st.integers(-400, 400).map(lambda n: n / 8)  # sums of eighths are exact
samples = st.lists(gains, min_size=2, max_size=8)
LADDER = ("worse", "not told apart", "better")
OPPOSITE = {"better": "worse", "worse": "better", "not told apart": "not told apart"}


def word(differences: list[float]) -> str:
    return verdicts([differences])[0].word


@given(samples)
def test_the_other_way_round_is_the_opposite(differences: list[float]) -> None:
    assert word([-each for each in differences]) == OPPOSITE[word(differences)]


@given(samples)
def test_told_apart_is_on_the_side_of_the_mean_and_beyond_the_interval(differences: list[float]) -> None:
    (found,) = verdicts([differences])
    assert {"better": found.mean > 0, "worse": found.mean < 0, "not told apart": True}[found.word]
    if found.margin and not math.isclose(abs(found.mean), found.margin, rel_tol=1e-9):
        assert (found.word != "not told apart") == (abs(found.mean) > found.margin)


@given(samples, st.integers(0, 400), st.sampled_from([1 / 8, 2.0, 1024.0]), st.randoms())
def test_more_is_no_worse_and_neither_unit_nor_order_matters(
    differences: list[float], more: int, unit: float, draw: object
) -> None:
    before = word(differences)
    assert LADDER.index(word([each + more for each in differences])) >= LADDER.index(before)
    assert word([unit * each for each in differences]) == before
    draw.shuffle(differences)  # type: ignore[attr-defined]
    assert word(differences) == before


@given(st.lists(gains, min_size=1, max_size=8), gains)
def test_equal_pairs_are_not_told_apart_and_a_constant_difference_is(values: list[float], shift: float) -> None:
    (found,) = verdicts([[value + shift - value for value in values]])
    sure = len(values) > 1 and shift != 0
    assert found.word == (("better" if shift > 0 else "worse") if sure else "not told apart")
    assert found.margin == (0 if len(values) > 1 else math.inf)


@given(samples)
def test_the_test_is_students(differences: list[float]) -> None:
    assume(len(set(differences)) > 1)
    tested = stats.ttest_1samp(differences, 0)
    low, high = tested.confidence_interval(0.95)
    (found,) = verdicts([differences])
    assert (found.mean - found.margin, found.mean + found.margin) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    if not math.isclose(tested.pvalue, 0.05, rel_tol=1e-9):
        assert (found.word != "not told apart") == (tested.pvalue < 0.05)


@given(st.lists(samples, min_size=1, max_size=6), st.data())
def test_company_makes_no_verdict_out_of_nothing(several: list[list[float]], data: st.DataObject) -> None:
    found = [each.word for each in verdicts(several)]
    for each, differences in zip(found, several, strict=True):
        assert each in (word(differences), "not told apart")
    order = data.draw(st.permutations(range(len(several))))
    assert [each.word for each in verdicts([several[place] for place in order])] == [found[place] for place in order]


@given(st.lists(samples, min_size=1, max_size=6))
def test_holm_by_adjusted_probabilities(several: list[list[float]]) -> None:
    """The adjusted p of the i-th smallest is the greatest of (m − j) p_j over j ≤ i."""
    chances = []
    for differences in several:
        spread = np.std(differences) > 0
        chances.append(float(stats.ttest_1samp(differences, 0).pvalue) if spread else float(not any(differences)))
    ladder, worst = sorted(range(len(several)), key=chances.__getitem__), 0.0
    for rank, place in enumerate(ladder):
        worst = max(worst, (len(several) - rank) * chances[place])
        assume(not math.isclose(worst, 0.05, rel_tol=1e-6))
        assert (verdicts(several)[place].word != "not told apart") == (worst < 0.05)


def test_of_noise_one_in_twenty_families_has_a_false_verdict_at_most() -> None:
    draw = np.random.default_rng(0)
    families = draw.normal(size=(2000, 7, 3)).tolist()
    false = sum(any(each.word != "not told apart" for each in verdicts(family)) for family in families)
    assert false / len(families) < 0.065  # 0.05, and three standard errors
    alone = draw.normal(size=(2000, 1, 3)).tolist()
    assert 0.035 < sum(word(*each) != "not told apart" for each in alone) / len(alone) < 0.065


@pytest.mark.parametrize("differences", [[], [1.0], [math.nan, 1.0, 1.0], [math.inf, 1.0]])
def test_what_was_not_measured_twice_is_not_told_apart(differences: list[float]) -> None:
    (found,) = verdicts([differences])
    assert found.word == "not told apart"
    assert found.interval == ("one seed" if len(differences) == 1 else "not measured")


def test_the_numbers_that_were_called_the_best() -> None:
    (found,) = verdicts([[1.9, -0.9, 0.14]])
    assert (found.word, found.interval) == ("not told apart", "−3.14 to +3.90")
