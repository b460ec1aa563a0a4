from pathlib import Path
from typing import Any

import pytest
from studies import grids, measured, recorded, section, shown, texts

from fedhca.experiment.compare import Entry


def study(out: Path) -> list[Entry]:
    """Two seeds of three methods; depth is best under FedAvg, the rest under FedHCA²."""
    numbers: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
        "local": ((50, 1.0, 40), (52, 0.8, 40)),
        "fedavg": ((45, 0.5, 36), (46.8, 0.4, 44)),
        "fedhca2": ((55, 0.75, 44), (57.2, 0.6, 44)),
    }
    return [
        recorded(out, method, [{"metrics": measured(1, 1, 1)}, {"metrics": measured(*values)}], seed=seed)
        for method, each in numbers.items()
        for seed, values in enumerate(each)
    ]


def test_cells_are_means_of_the_last_evaluation_with_their_deviation(tmp_path: Path) -> None:
    """Δm of FedHCA² is 45/3 on each seed; of FedAvg (−10 + 50 − 10)/3 and (−10 + 50 + 10)/3."""
    found = shown("table", study(tmp_path))
    (grid,) = grids(found)
    assert grid.head == ["metric", "local", "fedavg", "fedhca2"]
    assert texts(grid) == [
        ("figures", [["sal | maxF % ↑", "51.00 | ± 1.41", "45.90 | ± 1.27", "56.10 | ± 1.56"]]),
        (
            "rooms",
            [
                ["depth | RMSE m ↓", "0.9000 | ± 0.1414", "0.4500 | ± 0.0707", "0.6750 | ± 0.1061"],
                ["semseg | mIoU % ↑", "40.00 | ± 0.00", "40.00 | ± 5.66", "44.00 | ± 0.00"],
            ],
        ),
        ("all data sets", [["Δm | % ↑", "0.00 | ± 0.00", "13.33 | ± 4.71", "15.00 | ± 0.00"]]),
    ]
    assert (grid.over, found.notes) == ((), [])
    assert grid.caption == (
        "Δm: mean relative gain over local, positive is better. ↑ higher is better, ↓ lower is better; "
        "mean ± standard deviation over seeds 0, 1. Δm against local: better: fedhca2; not told apart: fedavg."
    )


def test_the_best_and_the_second_best_mean_of_each_line(tmp_path: Path) -> None:
    (grid,) = grids(shown("table", study(tmp_path)))
    assert [[cell.rank for cell in line] for _, lines in grid.groups for line in lines] == [
        [0, 2, 0, 1],
        [0, 0, 1, 2],
        [0, 2, 2, 1],  # equal means share a place
        [0, 0, 2, 1],
    ]


def test_the_numbers_can_be_taken_away(tmp_path: Path) -> None:
    (grid,) = grids(shown("table", study(tmp_path)))
    (name, kind, csv), (other, _, markdown) = grid.downloads
    assert (name, kind, other) == ("table.csv", "text/csv", "table.md")
    lines = csv.splitlines()
    assert lines[0] == "setting,method,seed,dataset,task,metric,unit,higher_is_better,value"
    assert lines[1:4] == [
        ",local,0,figures,sal,maxF,%,True,50.0",
        ",local,0,rooms,depth,RMSE,m,False,1.0",
        ",local,0,rooms,semseg,mIoU,%,True,40.0",
    ]
    assert len(lines) == 1 + 6 * 3 + 6
    assert ",fedhca2,1,rooms,depth,RMSE,m,False,0.6" in lines
    gains = [float(line.rpartition(",")[2]) for line in lines if line.startswith(",fedhca2") and "delta_m" in line]
    assert gains == pytest.approx([15.0, 15.0])
    assert "| figures sal maxF ↑ | 51.00 ± 1.41 | 45.90 ± 1.27 | **56.10 ± 1.56** |" in markdown


def test_an_unfinished_run_is_marked_and_has_no_rank(tmp_path: Path) -> None:
    entries = [
        recorded(tmp_path, "local", [{"metrics": measured(50, 1.0, 40)}] * 2),
        recorded(tmp_path, "fedavg", [{"metrics": measured(40, 1.1, 36)}] * 2),
        recorded(tmp_path, "fedhca2", [{"metrics": measured(60, 0.5, 44)}], rounds=2),
    ]
    found = shown("table", entries)
    (grid,) = grids(found)
    assert grid.head == ["metric", "local", "fedavg", "fedhca2 †"]
    assert [[cell.rank for cell in line] for _, lines in grid.groups for line in lines] == [[0, 1, 0, 0]] * 4
    assert found.notes == [
        "† fedhca2 seed 0 is not finished (1 of 2 rounds): its last evaluation, not ranked.",
    ]


def test_settings_stand_beside_each_other_with_the_metrics_that_all_have(tmp_path: Path) -> None:
    other = "clients=[{name: hall, dataset: rooms, tasks: [depth, semseg]}]"
    small: Any = {"hall": {"depth": 1.0, "semseg": 20.0}}
    entries = [
        recorded(tmp_path / "a", "local", [{"metrics": measured(50, 1.0, 40)}], setting="a"),
        recorded(tmp_path / "a", "fedavg", [{"metrics": measured(50, 0.9, 42)}], setting="a"),
        recorded(tmp_path / "b", "local", [{"metrics": small}], setting="b", changes=[other]),
    ]
    found = shown("table", entries)
    (grid,) = grids(found)
    assert grid.over == [("a", 2), ("b", 1)]
    assert texts(grid) == [
        (
            "rooms",
            [
                ["depth | RMSE m ↓", "1.0000", "0.9000", "1.0000"],
                ["semseg | mIoU % ↑", "40.00", "42.00", "20.00"],
            ],
        ),
        ("all data sets", [["Δm | % ↑", "0.00", "7.50", "0.00"]]),
    ]
    assert [[cell.rank for cell in line] for _, lines in grid.groups for line in lines] == [[0, 0, 1, 0]] * 3
    assert found.notes == ["Metrics that not every run has are in the CSV only, and not in Δm: figures sal."]


@pytest.mark.parametrize(
    ("depths", "cells"),
    [((12.5, 9.0), ["12.50", "9.00"]), ((10.0, 9.0), ["10.00", "9.00"]), ((9.9, 9.0), ["9.9000", "9.0000"])],
)
def test_numbers_of_ten_and_more_have_two_decimals(
    tmp_path: Path, depths: tuple[float, float], cells: list[str]
) -> None:
    names = ("local", "fedavg")
    entries = [
        recorded(tmp_path, name, [{"metrics": measured(1, each, 1)}]) for name, each in zip(names, depths, strict=True)
    ]
    (grid,) = grids(shown("table", entries))
    assert texts(grid)[1][1][0][1:] == cells


def test_without_an_evaluation_there_is_no_table(tmp_path: Path) -> None:
    assert section("table", [recorded(tmp_path, "local", [{"losses": {}}])]) is None
