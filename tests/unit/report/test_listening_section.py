from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from studies import bars, cells, colours, drawings, figure, grids, recorded, scale, section, shown

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.theme import DARK, LIGHT, Theme
from fedhca.report.report_section import ReportSection

ENCODERS = [[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.05, 0.05, 0.9]]
SWAPPED = [[0.6, 0.4, 0.0], [0.3, 0.7, 0.0], [0.15, 0.05, 0.8]]
DECODERS = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
EVEN = [[0.25] * 4] * 4


def line(encoder: Any, decoder: Any = EVEN) -> dict[str, Any]:
    return {"encoder": {"mixing": encoder}, "decoder": {"mixing": decoder}}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ReportSection:
    """Of FedHCA² two seeds, of the others one mixing; what the first round mixed is not shown."""
    out = tmp_path_factory.mktemp("listening")
    first = line([[1 / 3] * 3] * 3)
    journals = {
        "fedhca2": [[first, line(ENCODERS, DECODERS)], [first, line(SWAPPED, DECODERS)]],
        "local": [[line(np.eye(3).tolist(), np.eye(4).tolist())] * 2] * 2,
        "fedavg": [[line([[1 / 3] * 3] * 3)] * 2] * 2,
        "fedprox": [[line([[1 / 3] * 3] * 3)] * 2] * 2,
    }
    return shown(
        "listening",
        [recorded(out, name, lines, seed=k) for name, each in journals.items() for k, lines in enumerate(each)],
    )


def test_the_last_mixing_is_shown_as_the_mean_over_seeds(found: ReportSection) -> None:
    part = drawings(found)["listening-encoders"]
    ours, local, equal, bar = figure(part).axes
    assert [axes.get_title("left") for axes in (ours, local, equal)] == ["fedhca2", "local", "fedavg, fedprox"]
    assert cells(ours) == [["0.70", "0.30", "0.00"], ["0.20", "0.80", "0.00"], ["0.10", "0.05", "0.85"]]
    assert cells(equal) == [["0.33"] * 3] * 3
    assert [label.get_text() for label in ours.get_yticklabels()] == ["lab-1", "lab-2", "hall"]
    assert part.alt == (
        "encoders. fedhca2: own share 0.70 to 0.85; most of another 0.300, lab-1 of lab-2; "
        "local: own share 1.00 to 1.00; most of another 0.000, lab-1 of lab-2; "
        "fedavg, fedprox: own share 0.33 to 0.33; most of another 0.333, lab-1 of lab-2."
    )
    assert [label.get_text() for label in bar.get_xticklabels()] == ["0", "0.083", "0.33"]


def test_colours_reach_their_strongest_at_the_largest_weight_on_another(found: ReportSection) -> None:
    for axes in figure(drawings(found)["listening-encoders"]).axes[:3]:
        assert scale(axes) == (0, 0.333333)
        assert colours(axes, 0, 1 / 3, 0.85) == ["#f4f6f8", "#003a5e", "#003a5e"]


def test_ones_own_share_is_framed(found: ReportSection) -> None:
    for axes in figure(drawings(found)["listening-encoders"]).axes[:3]:
        assert bars(axes) == [(place - 0.5, 1, place) for place in range(3)]
        assert not any(frame.get_fill() for frame in axes.patches)


def test_names_stand_once_at_the_left_and_below(found: ReportSection) -> None:
    panels = figure(drawings(found)["listening-encoders"]).axes[:3]
    assert [axes.yaxis.get_tick_params()["labelleft"] for axes in panels] == [True, False, False]
    assert [axes.xaxis.get_tick_params()["labelbottom"] for axes in panels] == [True, True, True]


def test_decoders_are_named_by_their_task_where_a_client_has_several(found: ReportSection) -> None:
    part = drawings(found)["listening-decoders"]
    ours = figure(part).axes[0]
    names = ["lab-1", "lab-2", "hall · depth", "hall · semseg"]
    assert [label.get_text() for label in ours.get_yticklabels()] == names
    assert cells(ours)[3] == ["0.00", "0.00", "0.50", "0.50"]
    assert "most of another 0.500, hall · semseg of hall · depth" in part.alt


def many(out: Path, count: int, side: str = "encoder") -> ReportSection:
    """So many labs, each half itself and half evenly all others of its kind, and a hall that takes 0.2 of each lab."""
    labs, weight = count - 1, 0.5 / (count - 2)
    matrix = [[0.5 if i == j else weight for j in range(labs)] + [0.0] for i in range(labs)]
    matrix.append([0.2] * labs + [1 - 0.2 * labs])
    clients = (
        f"clients=[{{name: lab, dataset: figures, tasks: [sal], count: {labs}}}, "
        "{name: hall, dataset: rooms, tasks: [depth]}]"
    )
    return shown("listening", [recorded(out, "fedhca2", [{side: {"mixing": matrix}}], changes=[clients])])


def test_seventeen_are_taken_together_by_kind_so_that_rows_keep_their_sum(tmp_path: Path) -> None:
    """Of 16 labs: what one takes of all of them is 1, not the mean of a cell, and not the sum of 16 rows."""
    part = drawings(many(tmp_path, 17))["listening-encoders"]
    axes = figure(part).axes[0]
    assert cells(axes) == [["1.00", "0.00"], ["3.20", "−2.20"]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["figures sal", "rooms depth"]
    assert part.caption.endswith("a cell is all that comes from a kind, one's own share included.")
    assert part.alt == (
        "encoders. fedhca2: own share -2.20 to 1.00; most of another 3.200, rooms depth of figures sal."
    )


def test_sixteen_have_a_row_each_without_numbers(tmp_path: Path) -> None:
    part = drawings(many(tmp_path, 16, "decoder"))["listening-decoders"]
    axes = figure(part).axes[0]
    assert len(axes.get_yticklabels()) == 16
    assert not axes.texts
    assert "kind" not in part.caption


@pytest.mark.parametrize(("count", "numbered"), [(6, True), (7, False)])
def test_numbers_are_written_into_the_cells_of_up_to_six(tmp_path: Path, count: int, numbered: bool) -> None:
    axes = figure(drawings(many(tmp_path, count))["listening-encoders"]).axes[0]
    assert bool(axes.texts) is numbered


def test_below_zero_is_orange_and_the_scale_goes_both_ways(tmp_path: Path) -> None:
    away = [[1.2, -0.2, 0.0], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]]
    axes, bar = figure(
        drawings(shown("listening", [recorded(tmp_path, "fedhca2", [line(away)])]))["listening-encoders"]
    ).axes
    assert scale(axes) == (-0.2, 0.2)
    assert colours(axes, -0.2) == ["#8a3a00"]
    assert [label.get_text() for label in bar.get_xticklabels()] == ["−0.2", "−0.05", "0", "0.05", "0.2"]
    assert cells(axes)[0] == ["1.20", "−0.20", "0.00"]


def luminance(colour: Any) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("lowest", [0.0, -1.0], ids=["weights", "both ways"])
def test_numbers_can_be_read_on_every_colour(tmp_path: Path, theme: Theme, lowest: float) -> None:
    """Contrast as WCAG counts it, at least 3, on 36 colours from one end to the other."""
    matrix = np.linspace(lowest, 1.0, 36).reshape(6, 6)
    clients = "clients=[{name: lab, dataset: figures, tasks: [sal], count: 6}]"
    lines: list[dict[str, Any]] = [{"encoder": {"mixing": matrix.tolist()}}]
    found = shown("listening", [recorded(tmp_path, "fedhca2", lines, changes=[clients])])
    axes = figure(drawings(found)["listening-encoders"], Canvas(theme)).axes[0]
    inks = {text.get_color() for text in axes.texts}
    assert inks == {"#10141a", "#ffffff"}
    for text in axes.texts:
        column, row = map(int, text.get_position())
        (colour,) = colours(axes, matrix[row, column])
        low, high = sorted((luminance(text.get_color()), luminance(colour)))
        assert (high + 0.05) / (low + 0.05) > 4, (matrix[row, column], text.get_color())


def test_who_is_alone_or_has_no_mixing_is_not_shown(tmp_path: Path) -> None:
    one = "clients=[{name: a, dataset: figures, tasks: [sal]}]"
    lines: list[dict[str, Any]] = [{"encoder": {"mixing": [[1.0]]}}]
    assert section("listening", [recorded(tmp_path / "one", "local", lines, changes=[one])]) is None
    assert section("listening", [recorded(tmp_path, "local", [{"losses": {}}])]) is None
    assert grids(shown("listening", [recorded(tmp_path / "b", "local", [line(ENCODERS)])])) == []
