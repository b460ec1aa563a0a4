import csv
import io
import math
import statistics
from dataclasses import replace

import pytest

from fedhca.report.comparison_table import Table
from fedhca.report.result import Column, Result
from fedhca.tasks import Depth, SemanticSegmentation, Task

SEMSEG, DEPTH = ("nyud", "semseg"), ("nyud", "depth")
TASKS: dict[Column, Task] = {SEMSEG: SemanticSegmentation(channels=40), DEPTH: Depth()}
RESULTS = [
    Result("local", 0, {SEMSEG: 40.0, DEPTH: 0.8}),
    Result("fedhca2", 0, {SEMSEG: 44.0, DEPTH: 0.6}),
    Result("local", 1, {SEMSEG: 50.0, DEPTH: 1.0}),
    Result("fedhca2", 1, {SEMSEG: 50.0, DEPTH: 0.9}),
]
GAINS = [(0.10 + 0.25) / 2 * 100, (0.0 + 0.10) / 2 * 100]


def test_gain_is_of_each_seed_against_the_reference_of_that_seed() -> None:
    columns = Table(RESULTS, TASKS).samples("fedhca2")
    assert columns[:2] == [[44.0, 50.0], [0.6, 0.9]]
    assert columns[2] == pytest.approx(GAINS)
    assert Table(RESULTS, TASKS).samples("local")[2] == [0.0, 0.0]


def test_the_order_of_results_does_not_matter() -> None:
    assert Table(RESULTS[::-1], TASKS).samples("fedhca2") == Table(RESULTS, TASKS).samples("fedhca2")


def test_cells_are_mean_and_standard_deviation_over_seeds() -> None:
    table = Table(RESULTS, TASKS)
    assert table.head == ["", "local", "fedhca2"]
    deviation = statistics.stdev([44.0, 50.0])
    semseg, depth, gain = table.rows()
    assert (semseg[0], semseg[2]) == ("nyud semseg mIoU ↑", f"47.00 ± {deviation:.2f}")
    assert depth[:2] == ["nyud depth RMSE ↓", "0.9000 ± 0.1414"]
    assert gain[0] == "Δm % ↑"
    assert gain[2] == f"{statistics.fmean(GAINS):.2f} ± {statistics.stdev(GAINS):.2f}"
    assert "mean ± standard deviation over seeds 0, 1" in table.caption


def test_one_seed_has_no_deviation() -> None:
    table = Table(RESULTS[:2], TASKS)
    assert [row[1:] for row in table.rows()] == [["40.00", "44.00"], ["0.8000", "0.6000"], ["0.00", "17.50"]]
    assert "one seed: seeds 0" in table.caption


def test_without_the_reference_there_is_no_gain() -> None:
    table = Table(RESULTS[1:2], TASKS)
    assert table.head == ["", "fedhca2"]
    assert [row[1] for row in table.rows()] == ["44.00", "0.6000"]
    assert "Δm" not in table.caption + table.csv()


def test_a_reference_of_zero_and_what_was_not_measured_leave_the_table_standing() -> None:
    zero = [Result("local", 0, {SEMSEG: 0.0, DEPTH: 0.8}), RESULTS[1]]
    missing = [RESULTS[0], Result("fedhca2", 0, {SEMSEG: math.nan, DEPTH: 0.6})]
    for results in (zero, missing):
        table = Table(results, TASKS)
        assert table.rows()[2][2] == "nan"
        assert table.rows()[1][2] == "0.6000"
        assert "nan" in table.csv()


def test_clients_of_one_data_set_and_task_enter_as_their_mean() -> None:
    metrics = {"a": {"depth": 1.0}, "b": {"depth": 2.0, "semseg": 10.0}, "c": {"depth": 7.0}}
    result = Result.of("local", 3, metrics, {"a": "nyud", "b": "nyud", "c": "rooms"})
    assert result == Result("local", 3, {DEPTH: 1.5, SEMSEG: 10.0, ("rooms", "depth"): 7.0})


def test_markdown_is_a_table_of_equal_rows() -> None:
    lines = Table(RESULTS, TASKS).markdown().splitlines()
    assert [line.count("|") for line in lines[:5]] == [4] * 5
    assert set(lines[1]) <= set("|-: ")
    assert lines[5] == ""
    assert "better" in lines[6]


def test_csv_holds_every_value_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(Table(RESULTS, TASKS).csv())))
    assert len(rows) == 4 * 2 + 2 * 2
    found = {(row["method"], int(row["seed"]), row["dataset"], row["task"]): float(row["value"]) for row in rows}
    for result in RESULTS:
        for (dataset, task), value in result.values.items():
            assert found[result.method, result.seed, dataset, task] == value
    assert [found["fedhca2", seed, "all", "all"] for seed in (0, 1)] == pytest.approx(GAINS)
    first = rows[1]
    assert (first["metric"], first["unit"], first["higher_is_better"]) == ("RMSE", "m", "False")


def test_what_was_not_measured_in_one_of_several_seeds_leaves_the_table_standing() -> None:
    results = [*RESULTS[:3], Result("fedhca2", 1, {SEMSEG: math.nan, DEPTH: 0.9})]
    semseg, depth, gain = Table(results, TASKS).rows()
    assert (semseg[2], gain[2]) == ("nan", "nan")
    assert depth[2].startswith("0.7500 ±")


def with_setting(setting: str, shift: float, *, columns: tuple[Column, ...] = (SEMSEG, DEPTH)) -> list[Result]:
    return [
        Result(result.method, result.seed, {column: result.values[column] + shift for column in columns}, setting)
        for result in RESULTS
    ]


def test_settings_stand_beside_each_other_and_each_has_its_own_reference() -> None:
    table = Table([*with_setting("×1", 0.0), *with_setting("×2", 10.0)], TASKS)
    assert table.head == ["", "×1 local", "×1 fedhca2", "×2 local", "×2 fedhca2"]
    assert list(table.gains("fedhca2", "×1").values()) == pytest.approx(GAINS)
    second = [(4 / 50 + 0.2 / 10.8) / 2 * 100, 0.1 / 11 / 2 * 100]
    assert list(table.gains("fedhca2", "×2").values()) == pytest.approx(second)
    assert [len(row) for row in table.rows()] == [5, 5, 5]
    settings = {row["setting"] for row in csv.DictReader(io.StringIO(table.csv()))}
    assert settings == {"×1", "×2"}


def test_metrics_that_not_all_settings_have_are_left_out_of_lines_and_gains() -> None:
    table = Table([*with_setting("one", 0.0), *with_setting("two", 0.0, columns=(DEPTH,))], TASKS)
    assert [row[0] for row in table.rows()] == ["nyud depth RMSE ↓", "Δm % ↑"]
    assert table.gains("fedhca2", "one") == pytest.approx({0: 25.0, 1: 10.0})


def test_settings_that_share_no_metric_have_their_own() -> None:
    table = Table([*with_setting("one", 0.0, columns=(SEMSEG,)), *with_setting("two", 0.0, columns=(DEPTH,))], TASKS)
    assert [row[1] for row in table.rows()] == ["45.00 ± 7.07", "nan", "0.00 ± 0.00"]
    assert table.gains("fedhca2", "two") == pytest.approx({0: 25.0, 1: 10.0})


def test_a_seed_without_its_reference_has_no_gain() -> None:
    table = Table([*RESULTS, Result("fedhca2", 2, {SEMSEG: 90.0, DEPTH: 0.1})], TASKS)
    assert list(table.gains("fedhca2")) == [0, 1]
    assert table.task_gains("fedhca2")[SEMSEG] == pytest.approx([10.0, 0.0])


def test_the_best_of_each_line_is_found_and_columns_can_stand_apart() -> None:
    others = [Result("fedavg", seed, {SEMSEG: 41.0, DEPTH: 2.0}) for seed in (0, 1)]
    table = Table([*RESULTS, *others], TASKS)
    assert table.ranked() == [[2, 1, 0], [2, 1, 0], [2, 1, 0]]
    assert replace(table, apart={("", "fedhca2")}).ranked() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert f"**47.00 ± {statistics.stdev([44.0, 50.0]):.2f}**" in table.markdown()
    assert "**Bold**: best mean of its line." in table.markdown()


def test_the_caption_says_what_is_told_apart_from_the_reference() -> None:
    seeds = (0, 1, 2)
    results = [Result("local", seed, {SEMSEG: 40.0, DEPTH: 0.8}) for seed in seeds]
    results += [Result("fedavg", seed, {SEMSEG: 30.0 + seed, DEPTH: 1.0}) for seed in seeds]
    results += [Result("fedhca2", seed, {SEMSEG: 40.0 + (-1) ** seed, DEPTH: 0.8}) for seed in seeds]
    table = Table(results, TASKS)
    assert table.caption.endswith("Δm against `local`: worse: fedavg; not told apart: fedhca2.")
    assert {method: verdict.word for method, verdict in table.verdicts("").items()} == {
        "fedavg": "worse",
        "fedhca2": "not told apart",
    }
    alone = replace(table, apart={("", "fedavg")})
    assert alone.caption.endswith("Δm against `local`: not told apart: fedhca2.")
    one = Table([result for result in results if result.seed == 0], TASKS)
    assert one.caption.endswith("Δm against `local`: one seed tells nothing apart.")
    assert "against" not in Table(results[:3], TASKS).caption


def test_another_reference_may_be_named() -> None:
    table = Table(RESULTS, TASKS, reference="fedhca2")
    assert table.samples("fedhca2")[2] == [0.0, 0.0]
    assert "over `fedhca2`" in table.caption
