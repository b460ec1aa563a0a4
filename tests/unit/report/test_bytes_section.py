from typing import Any

import pytest
from studies import bars, drawings, figure, grids, recorded, shown, texts

from fedhca.experiment.compare import Entry
from fedhca.report.report_section import ReportSection


def line(lab: int, hall: int, **seconds: float | None) -> dict[str, Any]:
    """A round in which each client sends half of what it receives."""
    received = {"lab-1": lab, "lab-2": 1000, "hall": hall}
    return {"bytes": {name: {"down": down, "up": down // 2} for name, down in received.items()}, "seconds": seconds}


LOCAL = [line(100, 100, train=1.0), line(100, 100, train=2.0)]
FEDAVG = [line(1000, 3000, train=2.0, aggregate=0.5), line(2000, 3000, train=4.0, aggregate=None)]
OURS = [line(2000, 3000, train=3.0, aggregate=1.0), line(1000, 3000, train=3.0, aggregate=0.5)]


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    out = tmp_path_factory.mktemp("bytes")
    found = [recorded(out, name, lines) for name, lines in (("local", LOCAL), ("fedavg", FEDAVG), ("fedhca2", OURS))]
    return [*found, recorded(out, "fedavg", FEDAVG[:1], seed=1, rounds=2)]


@pytest.fixture(scope="module")
def found(entries: list[Entry]) -> ReportSection:
    return shown("bytes", entries)


def test_each_client_has_the_mean_of_its_bytes_and_equal_methods_share_a_panel(found: ReportSection) -> None:
    part = drawings(found)["bytes"]
    local, others = figure(part).axes
    assert [axes.get_title("left") for axes in (local, others)] == ["local", "fedavg, fedhca2"]
    assert bars(local) == [
        (0, 100, -0.19), (0, 1000, 0.81), (0, 100, 1.81),
        (0, 50, 0.19), (0, 500, 1.19), (0, 50, 2.19),
    ]  # fmt: skip
    assert bars(others) == [
        (0, 1500, -0.19), (0, 1000, 0.81), (0, 3000, 1.81),
        (0, 750, 0.19), (0, 500, 1.19), (0, 1500, 2.19),
    ]  # fmt: skip
    assert part.alt == (
        "local: lab-1 100 B down, 50 B up, lab-2 1 kB down, 500 B up, hall 100 B down, 50 B up; "
        "fedavg, fedhca2: lab-1 1.5 kB down, 750 B up, lab-2 1 kB down, 500 B up, hall 3 kB down, 1.5 kB up"
    )


def test_bytes_are_read_from_top_to_bottom_by_name_colour_and_unit(found: ReportSection) -> None:
    drawn = figure(drawings(found)["bytes"])
    for axes in drawn.axes:
        assert axes.get_ylim() == (2.5, -0.5)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["lab-1", "lab-2", "hall"]
        assert axes.get_yticks().tolist() == [0, 1, 2]
    received, sent = drawn.axes[0].containers
    assert (received.get_label(), sent.get_label()) == ("received", "sent")
    assert [bar.get_hatch() for bar in (received[0], sent[0])] == ["", "//"]
    assert {label.get_text() for label in drawn.axes[1].get_xticklabels()} >= {"0 B", "1 kB", "3 kB"}
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["received", "sent"]


def test_one_panel_is_of_every_method_and_who_said_nothing_of_bytes_has_none(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("one")
    entries = [recorded(out, "local", [{"losses": {}}] * 2), recorded(out, "fedavg", FEDAVG)]
    (axes,) = figure(drawings(shown("bytes", entries))["bytes"]).axes
    assert axes.get_title("left") == "every method"
    assert list(drawings(shown("bytes", entries[:1]))) == []


def test_seconds_of_a_round_are_means_one_phase_after_the_other(found: ReportSection) -> None:
    """FedAvg aggregates in 0.5 s where that is known; its second seed is not finished, and counts not."""
    part = drawings(found)["seconds"]
    (axes,) = figure(part).axes
    assert bars(axes) == [(0, 1.5, 0), (0, 3, 1), (0, 3, 2), (1.5, 0, 0), (3, 0.5, 1), (3, 0.75, 2)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["local", "fedavg", "fedhca2"]
    assert axes.yaxis_inverted()  # the first method is on top
    assert [box.get_label() for box in axes.containers] == ["train", "aggregate"]
    assert part.alt == (
        "local: train 1.50 s, aggregate 0.00 s; fedavg: train 3.00 s, aggregate 0.50 s; "
        "fedhca2: train 3.00 s, aggregate 0.75 s"
    )


def test_the_time_of_every_run_is_that_of_all_its_rounds(found: ReportSection) -> None:
    (grid,) = grids(found)
    assert grid.head == ["time of a run", "rounds", "seed 0", "seed 1"]
    assert texts(grid) == [
        (
            "",
            [
                ["local", "2", "3.0 s", "–"],
                ["fedavg", "2 / 1", "6.5 s", "2.5 s"],
                ["fedhca2", "2", "7.5 s", "–"],
            ],
        )
    ]
