import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fedhca.client.ledger import FILE, Ledger
from fedhca.config.federation import Privacy
from fedhca.errors import RunFolderError
from fedhca.storage.state_folder import StateFolder

PRIVACY = Privacy(clip=1.0, noise=0.5)


def test_the_count_is_on_the_disk_at_once_and_goes_on_in_another_process(tmp_path: Path) -> None:
    counts = [Ledger(PRIVACY, "a", tmp_path).count() for _ in range(3)]
    assert counts == [1, 2, 3]
    assert json.loads((tmp_path / FILE).read_text()) == {"client": "a", "clip": 1.0, "noise": 0.5, "answers": 3}


def test_without_a_folder_it_counts_in_memory() -> None:
    ledger = Ledger(PRIVACY, "a")
    assert [ledger.count(), ledger.count()] == [1, 2]


def test_it_does_not_go_back_where_the_file_does(tmp_path: Path) -> None:
    ledger = Ledger(PRIVACY, "a", tmp_path)
    ledger.count()
    older = (tmp_path / FILE).read_bytes()
    ledger.count()
    (tmp_path / FILE).write_bytes(older)
    assert ledger.count() == 3
    (tmp_path / FILE).unlink()
    assert ledger.count() == 4


@pytest.mark.parametrize("text", ["", "[]", "{", '{"answers": -1}', '{"answers": "3"}', '{"answers": true}', "\xff"])
def test_a_broken_count_is_refused_and_left_as_it_is(text: str, tmp_path: Path) -> None:
    facts = {"client": "a", "clip": 1.0, "noise": 0.5}
    whole = json.dumps({**facts, **json.loads(text)}) if text.endswith("}") else text
    (tmp_path / FILE).write_text(whole, encoding="latin-1")
    with pytest.raises(RunFolderError, match=rf"{FILE}.*[Rr]estore"):
        Ledger(PRIVACY, "a", tmp_path).count()
    assert (tmp_path / FILE).read_text(encoding="latin-1") == whole


@pytest.mark.parametrize(
    ("privacy", "client"), [(Privacy(clip=1.0, noise=0.6), "a"), (Privacy(clip=2.0, noise=0.5), "a"), (PRIVACY, "b")]
)
def test_answers_of_another_kind_are_not_added(privacy: Privacy, client: str, tmp_path: Path) -> None:
    Ledger(PRIVACY, "a", tmp_path).count()
    with pytest.raises(RunFolderError, match="should count answers of"):
        Ledger(privacy, client, tmp_path).count()


def test_processes_that_count_in_one_file_lose_none(tmp_path: Path) -> None:
    count = (
        "import sys; from pathlib import Path; from fedhca.client.ledger import Ledger; "
        "from fedhca.config.federation import Privacy; "
        "ledger = Ledger(Privacy(clip=1.0, noise=0.5), 'a', Path(sys.argv[1])); "
        "[ledger.count() for _ in range(50)]"
    )
    both = [subprocess.Popen([sys.executable, "-c", count, str(tmp_path)]) for _ in range(2)]
    assert [each.wait(300) for each in both] == [0, 0]
    assert json.loads((tmp_path / FILE).read_text())["answers"] == 100


def saved(folder: Path, rounds: int, **facts: int) -> None:
    StateFolder(folder, "a").save(rounds, {"x": torch.zeros(1)}, facts)


@pytest.mark.parametrize(("facts", "least"), [({}, 2), ({"answers": 7}, 7), ({"answers": 1}, 2)])
def test_a_count_below_what_the_states_tell_is_refused(facts: dict[str, int], least: int, tmp_path: Path) -> None:
    """States from before they bore a count are one answer each."""
    saved(tmp_path, 3)
    saved(tmp_path, 5, **facts)
    with pytest.raises(RunFolderError, match=rf"{FILE}' should count at least {least} answers.*Found 0\. Restore"):
        Ledger(PRIVACY, "a", tmp_path).count()
    assert not (tmp_path / FILE).exists()
    (tmp_path / FILE).write_text(json.dumps({"client": "a", "clip": 1.0, "noise": 0.5, "answers": least}))
    assert Ledger(PRIVACY, "a", tmp_path).count() == least + 1


def test_a_broken_state_does_not_keep_a_client_from_counting(tmp_path: Path) -> None:
    (tmp_path / "after-000001.safetensors").write_bytes(b"x")
    assert Ledger(PRIVACY, "a", tmp_path).count() == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match=r"Cannot write .*privacy\.json"):
        Ledger(PRIVACY, "a", tmp_path / "file").count()
