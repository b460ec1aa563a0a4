from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from studies import (
    bars,
    cells,
    colours,
    drawings,
    figure,
    grids,
    marks,
    measured,
    recorded,
    scale,
    section,
    shown,
    texts,
    whiskers,
)

from fedhca.experiment.compare import Entry
from fedhca.report.report_section import ReportSection

ALONE = measured(50, 1.0, 40)
AVERAGED = measured(45, 1.1, 36)
"""A tenth worse in every metric: Δm −10."""


def ours(depth: float) -> dict[str, dict[str, float]]:
    """A tenth better in two metrics, and a depth of its own: Δm (10 + 10 + 100 · (1 − depth)) / 3."""
    return measured(55, depth, 44)


def study(out: Path, *depths: float) -> list[Entry]:
    """Three methods; FedHCA² reaches each of these depths on a seed of its own."""
    return [
        recorded(out, method, [{"metrics": metrics}], seed=seed)
        for seed, depth in enumerate(depths)
        for method, metrics in (("local", ALONE), ("fedavg", AVERAGED), ("fedhca2", ours(depth)))
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ReportSection:
    return shown("gains", study(tmp_path_factory.mktemp("gains"), 0.8, 0.7, 0.75))  # Δm 13.33, 16.67 and 15


def test_bars_are_means_with_their_deviation_and_a_mark_for_each_seed(found: ReportSection) -> None:
    part = drawings(found)["gains"]
    (axes,) = figure(part).axes
    assert bars(axes) == [(0, -10, 0), (0, 15, 1)]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "fedavg\n−10.00 ± 0.00 %",
        "fedhca2\n+15.00 ± 1.67 %",
    ]
    assert marks(axes) == [
        [[-10, -0.18], [-10, 0], [-10, 0.18]],
        [[13.3333, 0.82], [16.6667, 1], [15, 1.18]],
    ]
    assert whiskers(axes) == [[[-10, 0], [-10, 0]], [[13.3333, 1], [16.6667, 1]]]
    assert part.alt == "Δm: fedavg −10.00 ± 0.00 %; fedhca2 +15.00 ± 1.67 %."


def test_bars_stand_below_each_other_and_whole_in_their_panel(found: ReportSection) -> None:
    (axes,) = figure(drawings(found)["gains"]).axes
    assert axes.get_ylim() == (1.5, -0.5)
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == ["#db9200", "#0072b2"]
    low, high = axes.get_xlim()
    assert low < -10 < 16.6667 < high


def test_one_seed_is_one_mark_in_the_middle_of_its_bar_and_has_no_deviation(tmp_path: Path) -> None:
    found = shown("gains", study(tmp_path, 0.8))
    (axes,) = figure(drawings(found)["gains"]).axes
    assert (marks(axes), whiskers(axes)) == ([[[-10, 0]], [[13.3333, 1]]], [])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fedavg\n−10.00 %", "fedhca2\n+13.33 %"]
    assert texts(grids(found)[0])[0][1][1] == ["fedhca2", "+13.33", "one seed", "not told apart"]


def test_two_seeds_lie_at_either_end_of_the_fan(tmp_path: Path) -> None:
    (axes,) = figure(drawings(shown("gains", study(tmp_path, 0.8, 0.7)))["gains"]).axes
    assert marks(axes)[1] == [[13.3333, 0.82], [16.6667, 1.18]]


def test_verdicts_are_of_a_t_test_with_two_degrees_of_freedom(found: ReportSection) -> None:
    """15 ± 4.3027 · 1.6667 / √3."""
    (grid,) = grids(found)
    assert grid.head == ["method", "Δm %", "95 % interval", "verdict"]
    assert texts(grid) == [
        (
            "",
            [
                ["fedavg", "−10.00 ± 0.00", "−10.00 to −10.00", "worse"],
                ["fedhca2", "+15.00 ± 1.67", "+10.86 to +19.14", "better"],
            ],
        )
    ]
    assert [line[-1].mark for line in grid.groups[0][1]] == ["worse", "better"]


def test_gains_task_by_task_are_means_over_seeds(found: ReportSection) -> None:
    part = drawings(found)["task-gains"]
    (axes,) = figure(part).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["figures sal", "rooms depth", "rooms semseg"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fedavg", "fedhca2"]
    assert cells(axes) == [["−10.0", "+10.0"], ["−10.0", "+25.0"], ["−10.0", "+10.0"]]
    assert part.alt == "Gains task by task: largest +25.0 %, fedhca2 on rooms depth."


def test_the_strongest_colour_is_at_the_ninth_tenth_of_all_gains(found: ReportSection) -> None:
    """Of 10, 10, 10, 10, 10 and 25 that is 17.5; what lies beyond has the same colour."""
    (axes,) = figure(drawings(found)["task-gains"]).axes
    assert scale(axes) == (-17.5, 17.5)
    assert colours(axes, -25, 17.5, 25) == ["#8a3a00", "#003a5e", "#003a5e"]
    assert colours(axes, 17.5 / 9) == ["#9cc8e6"]  # by the root: a ninth is a third of the way to the end


def test_a_gain_over_nothing_is_a_dash(tmp_path: Path) -> None:
    entries = [
        recorded(tmp_path, "local", [{"metrics": measured(0, 1.0, 40)}]),
        recorded(tmp_path, "fedhca2", [{"metrics": measured(55, 0.5, 40)}]),
    ]
    found = shown("gains", entries)
    assert cells(figure(drawings(found)["task-gains"]).axes[0]) == [["–"], ["+50.0"], ["0.0"]]
    assert texts(grids(found)[0]) == []
    (axes,) = figure(drawings(found)["gains"]).axes
    assert bars(axes) == []


def test_a_reference_of_ones_own(tmp_path: Path) -> None:
    found = shown("gains", study(tmp_path, 0.8), reference="fedavg")
    assert [name for _, lines in texts(grids(found)[0]) for name, *_ in lines] == ["local", "fedhca2"]
    assert texts(grids(found)[0])[0][1][0][1] == "+10.44"  # 5 / 45, 0.1 / 1.1 and 4 / 36 are 11.11, 9.09 and 11.11 %
    assert section("gains", [recorded(tmp_path / "x", "fedhca2", [{"metrics": ALONE}])]) is None


def test_settings_stand_in_panels_on_one_scale(tmp_path: Path) -> None:
    entries = [
        recorded(tmp_path / setting, method, [{"metrics": metrics}], setting=setting)
        for setting, better in (("×1", ours(0.8)), ("×2", ours(0.4)))
        for method, metrics in (("local", ALONE), ("fedhca2", better))
    ]
    found = shown("gains", entries)
    first, second = figure(drawings(found)["gains"]).axes
    assert [bars(axes) for axes in (first, second)] == [[(0, 13.3333, 0)], [(0, 26.6667, 0)]]
    assert first.get_xlim() == second.get_xlim()
    assert [axes.get_title("left") for axes in (first, second)] == ["×1", "×2"]
    assert drawings(found)["task-gains"].alt == (
        "Gains task by task: ×1 largest +20.0 %, fedhca2 on rooms depth; ×2 largest +60.0 %, fedhca2 on rooms depth."
    )
