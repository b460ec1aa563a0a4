"""What all figures share: how panels stand, what a legend holds, and how methods are told apart."""

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from studies import points

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.figures.style import Look, looks
from fedhca.report.figures.theme import DARK, LIGHT

LONG = [Curve(f"m{place}", [*range(1, 14)], [float(place)] * 13, [0.0] * 13, Look(place)) for place in range(4)]


def drawn(canvas: Canvas, count: int, *lines: Curve) -> Figure:
    with rc_context(canvas.settings()):
        return line_panels(canvas, [Panel(f"p{place}", lines or LONG[:2]) for place in range(count)])


@pytest.mark.parametrize(("count", "grid"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (7, (3, 3))])
def test_panels_are_shared_out_evenly_over_rows_of_up_to_three(count: int, grid: tuple[int, int]) -> None:
    figure = drawn(Canvas(), count)
    assert len(figure.axes) == count
    spec = figure.axes[0].get_subplotspec()
    assert spec is not None
    assert (spec.get_gridspec().nrows, spec.get_gridspec().ncols) == grid
    assert figure.get_size_inches().tolist() == pytest.approx([9.6, grid[0] * 2.1 + 0.4])


def test_a_phone_has_one_panel_below_the_other() -> None:
    figure = drawn(Canvas(narrow=True), 3)
    assert figure.get_size_inches().tolist() == pytest.approx([3.5, 3 * 2.1 + 0.4])
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "round"]


def test_rounds_are_named_in_the_last_row_alone() -> None:
    assert [axes.get_xlabel() for axes in drawn(Canvas(), 4).axes] == ["", "", "round", "round"]


def test_a_line_has_about_six_marks_however_long_it_is() -> None:
    (line,) = drawn(Canvas(), 1, LONG[0]).axes[0].get_lines()
    assert line.get_markevery() == 3  # 13 points, every third: five marks
    assert points(drawn(Canvas(), 1, LONG[0]).axes[0]) == {"m0": [(x, 0) for x in range(1, 14)]}


def test_one_line_needs_no_legend_and_the_same_line_in_two_panels_is_named_once() -> None:
    assert drawn(Canvas(), 2, LONG[0]).legends == []
    (legend,) = drawn(Canvas(), 2, *LONG).legends
    assert [text.get_text() for text in legend.get_texts()] == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize(
    ("narrow", "label", "count", "columns"),
    [(False, "fedavg", 7, 7), (False, "fedhca2+decoder=local", 7, 4), (True, "fedavg", 7, 3), (True, "x" * 60, 2, 1)],
)
def test_a_legend_has_as_many_columns_as_there_is_room_for(narrow: bool, label: str, count: int, columns: int) -> None:
    """The longest name and seven more letters each; a page has room for 130, a phone for 46; rows are filled evenly."""
    canvas, figure = Canvas(narrow=narrow), Figure()
    canvas.legend(figure, [Line2D([], [], label=each) for each in ("x", label, *"abcdef")[:count]])
    assert figure.legends[0]._ncols == columns  # type: ignore[attr-defined]


def test_more_methods_than_hues_take_the_next_dash_and_another_marker() -> None:
    found = looks(["fedhca2", *(f"x{number}" for number in range(1, 9))])
    assert [found[name] for name in ("x1", "x6", "x7", "x8")] == [
        Look(1, 0, 1),
        Look(6, 0, 6),
        Look(0, 1, 1),
        Look(1, 1, 2),
    ]
    assert found["x7"].style(LIGHT) == {"color": "#0072b2", "linestyle": (0, (5, 1.6)), "marker": "s"}
    assert found["x7"].style(DARK)["color"] == "#4fa8e8"
    assert Look(-1).style(DARK) == {"color": "#eceff3", "linestyle": "-", "marker": "o"}
    assert Look(7, 4, 8).style(LIGHT) == {"color": "#0072b2", "linestyle": "-", "marker": "o"}  # all begin anew


def test_titles_stand_out_and_grids_stand_back() -> None:
    settings = Canvas().settings()
    names = ("xtick.labelsize", "axes.labelsize", "legend.fontsize", "font.size", "axes.titlesize")
    sizes = [settings[name] for name in names]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 7
    assert settings["ytick.labelsize"] == sizes[0]
    assert 0.5 <= settings["grid.linewidth"] < settings["axes.linewidth"] < settings["lines.linewidth"]
