from pathlib import Path
from typing import Any

import pytest
from studies import CLIENTS, bands, drawings, figure, measured, points, recorded, section, shown

from fedhca.experiment.compare import Entry
from fedhca.report.report_section import ReportSection

LOSSES = {"lab-1": {"sal": 2.0}, "lab-2": {"sal": 4.0}, "hall": {"depth": 1.0, "semseg": 8.0}}
HALVES = {"lab-1": {"sal": 1.0}, "lab-2": {"sal": 2.0}, "hall": {"depth": 0.5, "semseg": 4.0}}


def journal(first: tuple[float, float, float], last: tuple[float, float, float]) -> list[dict[str, Any]]:
    """Three rounds, of which the first and the last were evaluated."""
    return [
        {"losses": LOSSES, "metrics": measured(*first)},
        {"losses": HALVES, "metrics": {}},
        {"losses": HALVES, "metrics": measured(*last)},
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ReportSection:
    out = tmp_path_factory.mktemp("curves")
    entries: list[Entry] = []
    for seed, better in enumerate((0.0, 2.0)):
        entries.append(recorded(out, "local", journal((40, 2.0, 30), (50 + better, 1.0, 40)), seed=seed))
        entries.append(recorded(out, "fedhca2", journal((44, 1.0, 30), (60 + 2 * better, 0.5, 44)), seed=seed))
    return shown("curves", entries)


def test_every_metric_has_a_panel_with_its_unit_and_direction(found: ReportSection) -> None:
    part = drawings(found)["curves"]
    panels = figure(part).axes
    assert [(axes.get_title("left"), axes.get_title("right")) for axes in panels] == [
        ("figures sal", "maxF % ↑"),
        ("rooms depth", "RMSE m ↓"),
        ("rooms semseg", "mIoU % ↑"),
    ]
    assert [points(axes) for axes in panels] == [
        {"local": [(1, 40), (3, 51)], "fedhca2": [(1, 44), (3, 62)]},
        {"local": [(1, 2), (3, 1)], "fedhca2": [(1, 1), (3, 0.5)]},
        {"local": [(1, 30), (3, 40)], "fedhca2": [(1, 30), (3, 44)]},
    ]
    assert part.alt == (
        "From first to last: figures sal (maxF % ↑): local 40 to 51, fedhca2 44 to 62; "
        "rooms depth (RMSE m ↓): local 2 to 1, fedhca2 1 to 0.5; "
        "rooms semseg (mIoU % ↑): local 30 to 40, fedhca2 30 to 44."
    )


def test_bands_are_one_standard_deviation_over_seeds(found: ReportSection) -> None:
    axes = figure(drawings(found)["curves"]).axes[0]
    assert bands(axes) == [
        {1: (40, 40), 3: (49.5858, 52.4142)},  # 51 ± 1.4142
        {1: (44, 44), 3: (59.1716, 64.8284)},  # 62 ± 2.8284
    ]


def test_the_method_of_the_paper_is_the_thick_line_and_training_alone_is_dashed_ink(found: ReportSection) -> None:
    local, ours = figure(drawings(found)["curves"]).axes[0].get_lines()
    assert (local.get_color(), local.get_linestyle(), local.get_linewidth()) == ("#1d2228", "--", 1.5)
    assert (ours.get_color(), ours.get_linestyle(), ours.get_linewidth()) == ("#0072b2", "-", 2.4)


def test_rounds_are_named_below_and_methods_in_one_legend(found: ReportSection) -> None:
    drawn = figure(drawings(found)["curves"])
    assert [axes.get_xlabel() for axes in drawn.axes] == ["round"] * 3
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["local", "fedhca2"]


def test_losses_are_drawn_on_a_logarithmic_axis(found: ReportSection) -> None:
    panels = figure(drawings(found)["losses"]).axes
    assert [axes.get_yscale() for axes in panels] == ["log"] * 3
    assert points(panels[0]) == {"local": [(1, 3), (2, 1.5), (3, 1.5)], "fedhca2": [(1, 3), (2, 1.5), (3, 1.5)]}
    assert points(panels[2])["local"] == [(1, 8), (2, 4), (3, 4)]
    assert [axes.get_title("right") for axes in panels] == ["loss"] * 3


def test_losses_that_fall_by_decades_have_ticks_at_1_2_and_5_of_each(tmp_path: Path) -> None:
    small: Any = {"lab-1": {"sal": 0.02}, "lab-2": {"sal": 0.02}}
    part = drawings(shown("curves", [recorded(tmp_path, "local", [{"losses": LOSSES}, {"losses": small}])]))["losses"]
    (axes,) = figure(part).axes
    assert {label.get_text() for label in axes.get_yticklabels()} >= {"0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"}


def test_losses_of_zero_stay_on_a_plain_axis(tmp_path: Path) -> None:
    zero = {"lab-1": {"sal": 0.0}, "lab-2": {"sal": 0.0}, "hall": {"depth": 1.0, "semseg": 8.0}}
    part = drawings(shown("curves", [recorded(tmp_path, "local", [{"losses": LOSSES}, {"losses": zero}])]))["losses"]
    assert [axes.get_yscale() for axes in figure(part).axes] == ["linear", "log", "log"]


def test_a_metric_needs_two_evaluations_and_a_null_is_none(tmp_path: Path) -> None:
    once = [{"losses": LOSSES, "metrics": measured(1, 1, 1)}, {"losses": LOSSES}]
    found = shown("curves", [recorded(tmp_path, "local", once)])
    assert list(drawings(found)) == ["losses"]
    assert found.notes == ["No metric was measured twice: no curve."]
    null: Any = measured(1, 1, 1) | {"hall": {"depth": None, "semseg": 5.0}}
    found = shown("curves", [recorded(tmp_path / "null", "local", [{"metrics": measured(1, 1, 1)}, {"metrics": null}])])
    assert [axes.get_title("left") for axes in figure(drawings(found)["curves"]).axes] == [
        "figures sal",
        "rooms semseg",
    ]
    assert section("curves", [recorded(tmp_path / "bare", "local", [{"seconds": {}}])]) is None


def test_a_setting_without_curves_is_named(tmp_path: Path) -> None:
    entries = [
        recorded(tmp_path / "a", "local", [{"metrics": measured(1, 1, 1)}] * 2, setting="a"),
        recorded(tmp_path / "b", "local", [{"metrics": measured(1, 1, 1)}], setting="b", changes=[CLIENTS]),
    ]
    found = shown("curves", entries)
    assert list(drawings(found)) == ["curves-a"]
    assert found.notes == ["No metric was measured twice in b: no curve."]
