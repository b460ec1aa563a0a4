"""`official` answers what the released code answered: its recordings, and small ones of our own slow reference."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import make_recording
import pytest
import replay
import torch
from safetensors.torch import load_file, save_file

SHARED = Path(os.environ.get("FEDHCA_SHARED", Path(__file__).parents[3] / "shared")) / "golden" / "aggregation"
RELEASED = ("dead_zone", "groups", "pascal_st_nyud_mt", "single_client", "small_updates", "two_multi_task")
OWN = make_recording.HERE

each_released = pytest.mark.parametrize("name", RELEASED)
each_own = pytest.mark.parametrize("name", make_recording.FEDERATIONS)


def released(name: str) -> Path:
    path = SHARED / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no {path}: set FEDHCA_SHARED to the folder of recordings")
    return path


def worst(path: Path) -> dict[str, float]:
    found = list(replay.deviations(replay.Recording.read(path)))
    assert len(found) == json.loads(path.read_text())["rounds"]
    return {name: max(each[name] for each in found) for name in found[0]}


@each_released
def test_the_released_code_s_recordings(name: str) -> None:
    for what, far in worst(released(name)).items():
        assert far <= 1e-6, what


@each_own
def test_our_own_recordings(name: str) -> None:
    for what, far in worst(OWN / f"{name}.json").items():
        assert far <= 1e-6, what


@each_released
def test_the_slow_reference_agrees_with_the_released_code(name: str) -> None:
    assert make_recording.check(released(name)) <= 1e-6


@each_own
def test_our_own_recordings_are_what_the_reference_makes(name: str) -> None:
    facts, tensors = make_recording.record(name)
    stored = load_file(OWN / f"{name}.safetensors")
    assert facts == json.loads((OWN / f"{name}.json").read_text())
    assert tensors.keys() == stored.keys()
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, stored[key], rtol=1e-5, atol=1e-6, msg=key)


def test_our_own_recordings_reach_what_they_are_for() -> None:
    def last(name: str) -> dict[str, torch.Tensor]:
        return load_file(OWN / f"{name}.safetensors")

    assert (last("dead_zone")["round4/alpha"] < 0).any()
    assert (last("saturated")["round4/alpha"] > 1).all()
    assert float(last("small_updates")["round0/conflict_averse_update"].norm()) < 1e-2
    assert not last("zero_updates")["round0/conflict_averse_update"].any()
    assert sum(path.stat().st_size for path in OWN.iterdir()) < 500_000


def copied(name: str, folder: Path) -> Path:
    for suffix in (".json", ".safetensors"):
        shutil.copyfile(OWN / f"{name}{suffix}", folder / f"{name}{suffix}")
    return folder / f"{name}.json"


@pytest.mark.parametrize(
    "tensor",
    [
        "round1/received_next/client0/backbone.fc.weight",
        "round2/received_next/client2/decoders.normals.linears.0.bias",
        "round2/alpha",
        "round1/beta/linear_fuse.1",
        "round0/conflict_averse_update",
    ],
)
def test_a_recording_of_something_else_fails(tensor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied("scenario", tmp_path)
    assert replay.main([str(path)]) == 0
    for wrong in (1e-3, float("nan")):
        tensors = load_file(path.with_suffix(".safetensors"))
        tensors[tensor].view(-1)[0] += wrong
        save_file(tensors, path.with_suffix(".safetensors"))
        assert replay.main([str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("max deviation: ")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def without(key: str) -> Callable[[Path], None]:
    def remove(path: Path) -> None:
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))

    return remove


def without_a_tensor(path: Path) -> None:
    tensors = load_file(path.with_suffix(".safetensors"))
    del tensors["round1/sent/client0/backbone.patch.bias"]
    save_file(tensors, path.with_suffix(".safetensors"))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: path.unlink(),
    "no tensors": lambda path: path.with_suffix(".safetensors").unlink(),
    "tensors cut short": lambda path: cut(path.with_suffix(".safetensors")),
    "not JSON": lambda path: path.write_text("{rounds"),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "a list": lambda path: path.write_text("[]"),
    "no rounds": without("rounds"),
    "no clients": without("clients"),
    "c out of range": lambda path: path.write_text(path.read_text().replace('"c": 0.4', '"c": 1.4')),
    "a tensor missing": without_a_tensor,
    "a folder": folder_instead,
}


@pytest.mark.parametrize("how", BREAKS)
def test_what_cannot_be_replayed_is_said_in_one_line(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied("groups", tmp_path)
    BREAKS[how](path)
    assert replay.main([str(path)]) == 2
    *_, line = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Cannot replay '{path}': it should be ")


def test_without_a_recording_the_usage_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([]) == 2
    assert capsys.readouterr().out.startswith("usage: ")
