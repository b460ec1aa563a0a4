from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fedhca.errors import RunFolderError
from fedhca.storage.state_folder import StateFolder
from fedhca.storage.tensor_file import save_tensors


def tensors(rounds: int) -> dict[str, torch.Tensor]:
    return {"value": torch.tensor([float(rounds)])}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def states(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "states", "kitchen")


def test_nothing_is_made_before_the_first_save(states: StateFolder) -> None:
    assert states.rounds() == ()
    assert not states.folder.exists()


def test_what_is_saved_comes_back_with_its_facts(states: StateFolder) -> None:
    states.save(3, tensors(3), {"epochs": 4})
    loaded, facts = states.load(3)
    assert torch.equal(loaded["value"], tensors(3)["value"])
    assert facts == {"owner": "kitchen", "rounds": 3, "since": 0, "epochs": 4}


def test_the_last_two_are_kept(states: StateFolder) -> None:
    for rounds in (1, 2, 9, 10, 100):
        states.save(rounds, tensors(rounds))
        assert states.rounds()[-1] == rounds
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
    assert states.rounds() == (1, 2)


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


def test_those_from_which_a_state_came_are_kept_and_what_led_nowhere_is_dropped(tmp_path: Path) -> None:
    """A client's answers of rounds 2, 3 and 4 did not count: each time it went back to its state after round 1."""
    states = StateFolder(tmp_path, "kitchen", kept=3)
    states.save(1, tensors(1), since=0)
    for rounds in (2, 3, 4):
        states.save(rounds, tensors(rounds), since=1)
        assert states.rounds() == (1, rounds)
    states.save(5, tensors(5), since=4)
    assert states.rounds() == (1, 4, 5)
    states.save(6, tensors(6), since=5)
    assert states.rounds() == (4, 5, 6)


def test_what_lies_ahead_of_where_a_run_goes_on_is_dropped(states: StateFolder) -> None:
    for rounds in (1, 2):
        states.save(rounds, tensors(rounds))
    states.drop_after(2)
    assert states.rounds() == (1, 2)
    states.drop_after(1)
    assert states.rounds() == (1,)
    states.drop_after(0)
    assert states.rounds() == ()


def test_a_folder_that_vanished_is_not_made_anew(states: StateFolder) -> None:
    states.save(1, tensors(1), since=0)
    (states.folder / "after-000001.safetensors").unlink()
    states.folder.rmdir()
    with pytest.raises(
        RunFolderError, match=r"after-000001\.safetensors'.* should still be there\. Found no such file"
    ):
        states.save(2, tensors(2), since=1)
    assert not states.folder.exists()


def flip(path: Path) -> None:
    """Turn over one bit of the numbers."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [flip, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_broken_state_gives_way_to_the_one_before_and_says_so(
    states: StateFolder, spoil: Callable[[Path], object]
) -> None:
    for rounds in (1, 2, 3):
        states.save(rounds, tensors(rounds))
    spoil(states.folder / "after-000003.safetensors")
    with pytest.warns(UserWarning, match=r"Cannot read '.*after-000003"):
        assert states.whole() == (2,)
    with pytest.warns(
        UserWarning, match=r"Cannot read '.*after-000003.*\. The state after 2 rounds is taken instead\."
    ):
        found = states.newest(states.load)
    assert found is not None
    assert float(found[0]["value"]) == 2
    spoil(states.folder / "after-000002.safetensors")
    with pytest.warns(UserWarning, match="after 2"), pytest.raises(RunFolderError, match="after-000003"):
        states.newest(states.load)


def test_before_the_very_first_state_is_the_start(states: StateFolder) -> None:
    assert states.newest(states.load) is None
    states.save(1, tensors(1))
    flip(states.folder / "after-000001.safetensors")
    with pytest.warns(UserWarning, match="The start is taken instead"):
        assert states.newest(states.load) is None


def test_a_state_after_which_a_broken_one_came_is_not_dropped(states: StateFolder) -> None:
    """What a broken file came from cannot be told, and so nothing is dropped for it."""
    for rounds in (1, 2):
        states.save(rounds, tensors(rounds))
    path = states.folder / "after-000002.safetensors"
    path.write_bytes(b"{}" + path.read_bytes()[2:])
    states.kept = 3
    states.save(3, tensors(3), since=2)
    assert states.rounds() == (1, 2, 3)
