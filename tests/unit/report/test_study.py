import math
from dataclasses import replace
from pathlib import Path

import pytest
from studies import made

from fedhca.errors import RunFolderError
from fedhca.report.study import Study
from fedhca.report.summary import facts, finding, notices


def test_means_are_over_the_seeds_that_all_methods_have(tmp_path: Path) -> None:
    entries = [made(tmp_path, "local", seed) for seed in (0, 1, 2)]
    entries += [made(tmp_path, "fedavg", seed) for seed in (1, 2)]
    study = Study.of(entries)
    assert [(run.method, run.seed) for run in study.counted] == [
        ("local", 1),
        ("local", 2),
        ("fedavg", 1),
        ("fedavg", 2),
    ]
    assert study.table.seeds == (1, 2)
    (_, unfinished), (words, apart) = notices(study)
    assert (unfinished, apart) == ([], ["local seed 0"])
    assert "seeds that all methods have" in words


def test_where_no_seed_is_common_every_run_counts(tmp_path: Path) -> None:
    study = Study.of([made(tmp_path, "local", 0), made(tmp_path, "fedavg", 1)])
    assert len(study.counted) == 2
    assert study.table.gains("fedavg") == {}


def test_runs_that_are_not_finished_are_named_and_shown_where_there_is_no_other(tmp_path: Path) -> None:
    entries = [
        made(tmp_path, "local", 0),
        made(tmp_path, "local", 1, done=2),
        made(tmp_path, "fedhca2", 0, done=3),
        made(tmp_path, "fedavg", 0, done=0),
    ]
    study = Study.of(entries)
    assert [(run.method, run.seed) for run in study.counted] == [("local", 0), ("fedhca2", 0)]
    assert study.provisional == {("", "fedhca2")}
    assert notices(study)[0][1] == [
        "local seed 1 (2 of 4 rounds)",
        "fedhca2 seed 0 (3 of 4 rounds)",
        "fedavg seed 0 (0 of 4 rounds)",
    ]
    assert "fedhca2" in finding(study)[0]
    assert "(not finished)" in finding(study)[0]


def test_of_two_runs_of_one_kind_the_one_that_came_further_counts(tmp_path: Path) -> None:
    short, long = made(tmp_path / "a", "local", done=1), made(tmp_path / "b", "local", done=2)
    for entries in ([short, long], [long, short]):
        assert [run.folder.path for run in Study.of(entries).runs] == [long.folder.path]


def test_nothing_done_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"at least one round. Found none"):
        Study.of([made(tmp_path, "local", done=0)])


def test_the_finding_is_the_highest_mean_and_what_is_told_apart(tmp_path: Path) -> None:
    entries = [made(tmp_path, method, seed) for method in ("local", "fedavg", "fedhca2") for seed in (0, 1)]
    gain = (4 * 10 + 2 * (1 - 1 / 1.1) * 100) / 6
    words = f"fedhca2 +{gain:.2f}\xa0±\xa00.00\xa0%. Against local: better: fedhca2; worse: fedavg."
    assert finding(Study.of(entries)) == [f"Highest mean Δm beside local: {words}"]
    assert finding(Study.of(entries[:2])) == ["Δm not measured."]
    worse = finding(Study.of(entries[:4]))[0]
    assert worse.startswith("Highest mean Δm beside local: fedavg −21.67")
    assert worse.endswith("Against local: worse: fedavg.")
    assert finding(Study.of(entries[::2]))[0].endswith("Against local: one seed tells nothing apart.")
    assert "No run of local" in finding(Study.of(entries[2:]))[0]


def test_a_metric_that_is_null_is_not_measured(tmp_path: Path) -> None:
    metrics: dict[str, dict[str, float | None]] = {
        "rooms-all": {"semseg": None, "depth": 0.8, "normals": 20.0, "edge": 60.0},
        "figures-sal": {"sal": 70.0},
        "figures-semseg": {"semseg": 40.0},
    }
    study = Study.of([made(tmp_path, "local"), made(tmp_path, "fedhca2", metrics=metrics)])
    assert math.isnan(study.table.gains("fedhca2")[0])
    assert finding(study) == ["Δm not measured: a metric is 0 under local, or has no value."]
    assert "nan: a metric is 0 under `local`, or has no value." in study.table.caption


def test_columns_may_be_called_otherwise_than_in_recipes(tmp_path: Path) -> None:
    entries = [made(tmp_path, "local"), made(tmp_path, "fedhca2")]
    study = Study.of([entries[0], replace(entries[1], method="ours")])
    assert (study.ours, study.called("fedavg")) == ("ours", "fedavg")
    assert study.looks["ours"] == Study.of(entries).looks["fedhca2"]


def test_the_head_says_what_was_compared(tmp_path: Path) -> None:
    found = dict(facts(Study.of([made(tmp_path, method, seed) for method in ("local", "fedavg") for seed in (0, 3)])))
    assert found["methods"] == "local, fedavg"
    assert (found["seeds"], found["rounds"], found["clients"]) == ("0, 3", "4", "3")
    assert found["runs"] == "4, 0:00:36 in all"
    assert "settings" not in found
