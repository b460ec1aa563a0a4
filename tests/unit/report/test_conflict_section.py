from pathlib import Path
from typing import Any

import pytest
from studies import bands, drawings, figure, points, recorded, section, shown

EYE = [[float(i == j) for j in range(4)] for i in range(4)]


def line(*encoders: list[float | None]) -> dict[str, Any]:
    return {"encoder": {"gram": encoders}, "decoder": {"gram": EYE}}


MIXED = line([4, 2, -1], [2, 1, 0], [-1, 0, 1])  # cosines 1, −0.5, 0: their mean is 1/6, one of three is below 0
APART = line([1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1])
STILL = line([4, 0, -2], [0, 0, 0], [-2, 0, 4])  # one did not move: one pair is left, of cosine −0.5
ALIKE = line([1, 1, 1], [1, 1, 1], [1, 1, 1])


def test_the_mean_cosine_and_the_share_of_pairs_below_zero(tmp_path: Path) -> None:
    entries = [recorded(tmp_path, "fedhca2", [MIXED, APART, STILL])]
    (part,) = drawings(shown("conflict", entries)).values()
    drawn = figure(part)
    assert [(axes.get_title("left"), axes.get_title("right")) for axes in drawn.axes] == [
        ("encoders", "mean cosine"),
        ("decoders", "mean cosine"),
        ("encoders", "pairs < 0, %"),
        ("decoders", "pairs < 0, %"),
    ]
    assert [points(axes)["fedhca2"] for axes in drawn.axes] == [
        [(1, 0.166667), (2, -0.5), (3, -0.5)],
        [(1, 0), (2, 0), (3, 0)],
        [(1, 33.333333), (2, 100), (3, 100)],
        [(1, 0), (2, 0), (3, 0)],
    ]
    assert [axes.get_ylim() for axes in drawn.axes[2:]] == [(-3, 103), (-3, 103)]
    for axes in drawn.axes[:2]:
        lines: list[Any] = list(axes.get_lines())
        zero = [each for each in lines if set(each.get_ydata()) == {0} and len(each.get_xdata()) == 2]
        assert [each.get_color() for each in zero] == ["#1d2228"]
    assert part.alt == (
        "encoders, mean cosine, first to last round: fedhca2 0.17 to -0.50; "
        "decoders, mean cosine, first to last round: fedhca2 0.00 to 0.00; "
        "encoders, pairs < 0, %, first to last round: fedhca2 33.33 to 100.00; "
        "decoders, pairs < 0, %, first to last round: fedhca2 0.00 to 0.00"
    )


def test_seeds_are_averaged_and_methods_without_inner_products_named(tmp_path: Path) -> None:
    entries = [recorded(tmp_path, "fedhca2", lines, seed=n) for n, lines in enumerate([[ALIKE] * 2, [APART] * 2])]
    entries += [recorded(tmp_path, "local", [{"losses": {}}] * 2, seed=seed) for seed in (0, 1)]
    found = shown("conflict", entries)
    axes = figure(drawings(found)["conflict"]).axes[0]
    assert points(axes)["fedhca2"] == [(1, 0.25), (2, 0.25)]
    assert bands(axes) == [{1: (-0.8107, 1.3107), 2: (-0.8107, 1.3107)}]  # 0.25 ± 1.0607
    assert found.notes == ["No inner products in the journals of: local."]


@pytest.mark.parametrize("lines", [[{"losses": {}}], [line([0, 0, 0], [0, 0, 0], [0, 0, 0]) | {"decoder": {}}]])
def test_where_nothing_moved_there_is_no_section(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    assert section("conflict", [recorded(tmp_path, "fedavg", lines)]) is None
