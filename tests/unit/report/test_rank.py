import math

import pytest

from fedhca.report.rank import ranks


@pytest.mark.parametrize(
    ("values", "higher", "places"),
    [
        ([1.0, 3.0, 2.0], True, [0, 1, 2]),
        ([1.0, 3.0, 2.0], False, [1, 0, 2]),
        ([3.0, 3.0, 2.0, 1.0], True, [1, 1, 2, 0]),
        ([1.0, 2.0], True, [0, 1]),  # second best of two is the worst
        ([2.0, 2.0, 2.0], True, [0, 0, 0]),
        ([5.0], True, [0]),
        ([math.nan, 2.0, 1.0], True, [0, 1, 0]),
        ([math.nan, math.inf], True, [0, 0]),
        ([], True, []),
    ],
)
def test_best_and_second_best(values: list[float], higher: bool, places: list[int]) -> None:
    assert ranks(values, higher) == places
