from pathlib import Path

import pytest
from studies import made

from fedhca.errors import RunFolderError
from fedhca.report.discovery import found_runs


def test_a_run_folder_is_a_report_of_one(tmp_path: Path) -> None:
    entry = made(tmp_path, "fedavg")
    (found,) = found_runs([entry.folder.path])
    assert (found.method, found.seed, found.setting) == ("fedavg", 0, "")


def test_runs_below_come_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    for method in ("fedhca2", "fedavg", "local", "fedhca2+decoder=local"):
        for seed in (10, 9):
            made(tmp_path / "deep" / "er", method, seed)
    (tmp_path / "report").mkdir()
    found = found_runs([tmp_path])
    labels = ["local", "fedavg", "fedhca2", "fedhca2+decoder=local"]
    assert [(entry.method, entry.seed) for entry in found] == [(label, seed) for seed in (9, 10) for label in labels]
    assert {entry.setting for entry in found} == {""}


def test_other_federations_are_other_settings_named_after_their_folders(tmp_path: Path) -> None:
    for count in (1, 2, 10):
        for method in ("local", "fedavg"):
            made(tmp_path / f"×{count}", method, changes=[f"clients.1.count={count}"])
    found = found_runs([tmp_path])
    assert [entry.setting for entry in found] == ["×1", "×1", "×2", "×2", "×10", "×10"]


def test_folders_that_do_not_tell_settings_apart_give_numbers(tmp_path: Path) -> None:
    made(tmp_path / "local", "local", changes=["training.batch_size=2"])
    made(tmp_path, "local", 1)
    assert sorted({entry.setting for entry in found_runs([tmp_path])}) == ["setting 1", "setting 2"]


def test_descriptions_and_devices_make_no_other_setting(tmp_path: Path) -> None:
    made(tmp_path / "a", "local", changes=["description=one", "device=cpu"])
    made(tmp_path / "b", "fedavg", changes=["description=two", "checkpoint_every=2"])
    assert {entry.setting for entry in found_runs([tmp_path / "a", tmp_path / "b"])} == {""}


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"should hold run folders.*Found none\. Give"):
        found_runs([tmp_path, tmp_path / "not-there"])
