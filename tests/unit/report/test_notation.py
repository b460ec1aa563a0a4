import math

import pytest

from fedhca.report.formatting import clock, digits, percent, printed, signed_spread, size, slug, spread


def test_a_line_has_one_number_of_decimals() -> None:
    assert digits("%", [0.3, 55.0]) == 2
    assert digits("degrees", [0.3]) == 2
    assert digits("m", [0.97, 1.11]) == 4
    assert digits("", [0.01, math.nan]) == 4
    assert digits("m", [12.0]) == 2


def test_mean_and_deviation() -> None:
    assert spread([1.0, 3.0], 2) == "2.00 ± 1.41"
    assert spread([1.0], 4) == "1.0000"
    assert spread([1.0, math.nan], 2) == "nan"
    assert spread([], 2) == "nan"


def test_a_minus_is_a_minus_and_a_hyphen_stays_one() -> None:
    assert signed_spread([-2.0]) == "−2.00"
    assert signed_spread([2.0]) == "+2.00"
    assert percent([-1.0, -1.0]) == "−1.00\xa0±\xa00.00\xa0%"
    assert printed("multi-task -3") == "multi-task −3"
    assert printed("nan") == "–"
    assert signed_spread([0.0, 0.0]) == "0.00 ± 0.00"
    assert [printed(text) for text in ("-0.0", "+0.00", "-0.01", "-10", "0")] == ["0.0", "0.00", "−0.01", "−10", "0"]


@pytest.mark.parametrize(
    ("text", "name"), [("×4", "x4"), ("a/b c", "a-b-c"), ("../..", "x"), ("fedhca2+c=0.2", "fedhca2+c=0.2"), ("", "x")]
)
def test_any_text_makes_a_file_name(text: str, name: str) -> None:
    assert slug(text) == name


def test_times_and_bytes() -> None:
    assert [clock(value) for value in (0.26, 61.0, 3600.0)] == ["0.3 s", "0:01:01", "1:00:00"]
    assert [size(value) for value in (0.0, 999.0, 1500.0, 2.5e9, 3e12)] == ["0 B", "999 B", "1.5 kB", "2.5 GB", "3 TB"]
