from pathlib import Path

import pytest
import torch

from fedhca.errors import RunFolderError
from fedhca.state_folder import KEPT, StateFolder
from fedhca.tensor_file import save_tensors


def tensors(rounds: int) -> dict[str, torch.Tensor]:
    return {"value": torch.tensor([float(rounds)])}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def states(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "states", "kitchen")


def test_nothing_is_made_before_the_first_save(states: StateFolder) -> None:
    assert states.latest() == 0
    assert not states.folder.exists()


def test_what_is_saved_comes_back_with_its_facts(states: StateFolder) -> None:
    states.save(3, tensors(3), {"epochs": 4})
    loaded, facts = states.load(3)
    assert torch.equal(loaded["value"], tensors(3)["value"])
    assert facts == {"owner": "kitchen", "rounds": 3, "epochs": 4}


def test_the_last_two_are_kept(states: StateFolder) -> None:
    assert KEPT == 2
    for rounds in (1, 2, 9, 10, 100):
        states.save(rounds, tensors(rounds))
        assert states.latest() == rounds
    assert names(states.folder) == ["after-000010.safetensors", "after-000100.safetensors"]


def test_a_run_that_went_back_keeps_the_two_it_needs(states: StateFolder) -> None:
    """After a crash later states may lie here: they must not push out the ones the run goes on from."""
    for rounds in (5, 6):
        states.save(rounds, tensors(rounds))
    states.save(4, tensors(4))
    assert float(states.load(4)[0]["value"]) == 4
    states.save(5, tensors(50))
    assert float(states.load(4)[0]["value"]) == 4
    assert float(states.load(5)[0]["value"]) == 50


def test_a_save_that_fails_leaves_the_older_states(states: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for rounds in (1, 2):
        states.save(rounds, tensors(rounds))
    before = names(states.folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        states.save(3, tensors(3))
    assert names(states.folder) == before
    assert states.latest() == 2


def test_another_owner_s_state_is_refused(states: StateFolder) -> None:
    states.save(1, tensors(1))
    with pytest.raises(
        RunFolderError, match=r"should hold the state of 'bath' after 1 rounds\. Found that of 'kitchen'"
    ):
        StateFolder(states.folder, "bath").load(1)


def test_a_renamed_state_is_refused(states: StateFolder) -> None:
    states.save(1, tensors(1))
    (states.folder / "after-000001.safetensors").rename(states.folder / "after-000002.safetensors")
    with pytest.raises(RunFolderError, match="should hold the state of 'kitchen' after 2 rounds"):
        states.load(2)


def test_a_state_without_an_owner_is_refused(states: StateFolder) -> None:
    save_tensors(states.folder / "after-000001.safetensors", tensors(1), {"rounds": 1})
    with pytest.raises(RunFolderError, match=r"'kitchen' after 1 rounds\. Found that of None"):
        states.load(1)


def test_a_missing_state_is_said(states: StateFolder) -> None:
    with pytest.raises(RunFolderError, match=r"Cannot read '.*after-000007\.safetensors'"):
        states.load(7)


def test_drafts_of_a_process_that_was_killed_are_removed(states: StateFolder) -> None:
    states.save(1, tensors(1))
    (states.folder / ".after-000002.safetensors.123.abc").write_bytes(b"half")
    states.save(2, tensors(2))
    assert names(states.folder) == ["after-000001.safetensors", "after-000002.safetensors"]


def test_one_that_is_still_needed_is_kept_beside_them(states: StateFolder) -> None:
    for rounds in (1, 2, 3, 4, 5):
        states.save(rounds, tensors(rounds), keep=1)
    assert names(states.folder) == [f"after-{rounds:06d}.safetensors" for rounds in (1, 4, 5)]
    states.save(6, tensors(6), keep=5)
    assert names(states.folder) == [f"after-{rounds:06d}.safetensors" for rounds in (5, 6)]
