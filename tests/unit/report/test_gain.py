import pytest

from fedhca.errors import RecipeError
from fedhca.report.gain import delta_m, per_task_gain

DIRECTION = {("nyud", "semseg"): True, ("nyud", "depth"): False}
LOCAL = {("nyud", "semseg"): 40.0, ("nyud", "depth"): 0.8}


def test_better_is_positive_whichever_way_the_metric_goes() -> None:
    better = {("nyud", "semseg"): 44.0, ("nyud", "depth"): 0.6}
    assert per_task_gain(better, LOCAL, DIRECTION) == pytest.approx({("nyud", "semseg"): 0.1, ("nyud", "depth"): 0.25})
    assert delta_m(better, LOCAL, DIRECTION) == pytest.approx(17.5)


def test_the_reference_gains_nothing_over_itself() -> None:
    assert delta_m(LOCAL, LOCAL, DIRECTION) == 0


def test_a_reference_of_zero_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"depth.*should not be 0"):
        delta_m(LOCAL, LOCAL | {("nyud", "depth"): 0.0}, DIRECTION)


def test_metrics_that_do_not_match_are_named() -> None:
    with pytest.raises(RecipeError, match="edge"):
        delta_m(LOCAL | {("nyud", "edge"): 1.0}, LOCAL, DIRECTION)
    with pytest.raises(RecipeError, match="no metric at all"):
        delta_m({}, {}, {})
