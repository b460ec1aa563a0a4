"""A folder that is broken, or that somebody made to harm, is refused in one line, before anything is taken room for."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_predictor import predictor

from fedhca import Predictor
from fedhca.errors import ModelFolderError
from fedhca.storage.tensor_file import load_tensors, save_tensors
from tiny import TASKS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return predictor(TASKS["semseg"], TASKS["sal"]).save_pretrained(tmp_path)


def other(folder: Path, *path: Any, value: Any) -> None:
    """Put another value into config.json."""
    values = json.loads((folder / "config.json").read_text())
    place = values
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(values))


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str, length: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, length)


def says(*path: Any, value: Any) -> Callable[[Path], None]:
    return lambda folder: other(folder, *path, value=value)


def wide(folder: Path) -> None:
    other(folder, "pictures", "size", value=[8192, 8192])
    other(folder, "tasks", 0, "fields", "channels", value=200)


def written(text: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / "config.json").write_text(text)

    return do


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        path = folder / "model.safetensors"
        found, facts = load_tensors(path)
        change(found)
        save_tensors(path, found, facts)

    return do


def flipped(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


FIRST = "heads.sal.0.weight"
CASES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "no config": (without("config.json"), ["config.json", "No such file"]),
    "no weights": (without("model.safetensors"), ["model.safetensors", "Copy the folder again"]),
    "cut config": (cut("config.json", 100), ["should be JSON"]),
    "empty config": (cut("config.json", 0), ["should be JSON"]),
    "cut weights": (cut("model.safetensors", 5000), ["model.safetensors"]),
    "altered weights": (flipped, ["checksum"]),
    "a list": (written("[1]"), ["no mapping"]),
    "deep": (written("[" * 100_000), ["should be JSON"]),
    "large": (written(" " * 1_000_001), ["at most 1000000 bytes"]),
    "another's config": (written('{"model_type": "swin"}'), ["of format 1", "None"]),
    "another format": (says("format", value=2), ["format 1", "Found 2"]),
    "no number": (written('{"format": 1, "tasks": NaN}'), ["NaN"]),
    "unknown key": (says("code", value="os.system"), ["`code`"]),
    "unknown kind": (says("tasks", 0, "kind", value="semsegg"), ["kind of task 'semsegg'", "did you mean 'semseg'"]),
    "unknown field": (says("tasks", 0, "fields", "x", value=1), ["no field 'x'"]),
    "wrong field": (says("tasks", 0, "fields", "channels", value="5"), ["`channels`", "5"]),
    "too many classes": (says("tasks", 0, "fields", "channels", value=300), ["1 to 255 channels"]),
    "too few channels": (says("tasks", 1, "fields", "channels", value=1), ["should describe a model"]),
    "two of a name": (says("tasks", 1, "fields", "name", value="semseg"), ["semseg"]),
    "no tasks": (says("tasks", value=[]), ["`tasks`"]),
    "other name": (says("tasks", 1, "fields", "name", value="x"), ["decoders.x.", "Found nothing"]),
    "odd name": (says("tasks", 1, "fields", "name", value="a.b"), ["names of tasks", "'a.b'"]),
    "a name that leads elsewhere": (says("tasks", 1, "fields", "name", value="a/b"), ["names of tasks", "'a/b'"]),
    "a name that clears all": (says("tasks", 1, "fields", "name", value="\x1b[2J"), [r"control code, in '\x1b[2J'"]),
    "a name with an end": (says("tasks", 1, "fields", "name", value="a\0b"), [r"control code, in 'a\x00b'"]),
    "a name of lines": (says("tasks", 1, "fields", "name", value="a\nb"), ["names of tasks"]),
    "a long name": (says("tasks", 1, "fields", "name", value="a" * 101), ["names of tasks"]),
    "a class that clears the screen": (says("classes", value={"sal": ["\x9b2J"]}), [r"control code, in '\x9b2J'"]),
    "a key that rings": (says("classes", value={"\a": ["b"]}), [r"control code, in '\x07'"]),
    "client that is none": (says("client", value="../x"), ["`client`"]),
    "other width": (says("width", value=12), ["Found F32"]),
    "wide": (says("width", value=65_536), ["more than 1073741824 numbers"]),
    "other encoder": (says("encoder", "embed_dim", value=16), ["Found F32"]),
    "unknown encoder": (says("encoder", "model_type", value="gpt2"), ["'gpt2'"]),
    "fetches": (says("encoder", "model_type", value="timm_backbone"), ["timm_backbone"]),
    "runs": (says("encoder", "auto_map", value={"AutoBackbone": "x--m.C"}), ["no setting 'auto_map'"]),
    "kernels": (says("encoder", "_attn_implementation", value="x/kernel"), ["no setting '_attn_implementation'"]),
    "kernels too": (says("encoder", "attn_implementation", value="x/kernel"), ["no setting 'attn_implementation'"]),
    "layers": (says("encoder", "depths", value=[10**9, 1, 1, 1]), ["numbers of at most 100000"]),
    "layers in all": (says("encoder", "depths", value=[1001] * 100), ["numbers of at most 100000"]),
    "many layers": (says("encoder", "depths", value=[50_000, 1, 1, 1]), ["more than 15000 steps"]),
    "huge layers": (says("encoder", "embed_dim", value=50_000), ["more than 1073741824 numbers"]),
    "windows": (says("encoder", "window_size", value=20_000), ["should describe a model"]),
    "nothing": (says("encoder", "patch_size", value=0), ["cannot be built"]),
    "words": (says("encoder", "hidden_act", value="exec"), ["cannot be built"]),
    "other maps": (says("encoder", "out_features", value=["stage9"]), ["cannot be built"]),
    "wide pictures": (says("pictures", "size", value=[10**9, 32]), ["`pictures.size.0`"]),
    "large pictures": (wide, ["numbers, [1, 200,"]),
    "no pictures": (says("pictures", "size", value=[0, 32]), ["`pictures.size.0`"]),
    "other colours": (says("pictures", "mean", value=[0.5, 0.5, 0.5]), ["`pictures`", "Update fedhca"]),
    "not finite": (tensors(lambda found: found[FIRST].fill_(float("nan"))), [FIRST, "finite"]),
    "one too few": (tensors(lambda found: found.pop(FIRST)), [FIRST, "Found nothing"]),
    "one too many": (tensors(lambda found: found.update(x=torch.ones(1))), ["`x` as nothing"]),
    "other numbers": (tensors(lambda found: found.update({FIRST: found[FIRST].long()})), [FIRST, "Found I64"]),
}


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_become_the_model_s(kind: torch.dtype, folder: Path) -> None:
    before = dict(Predictor.from_pretrained(folder).model.state_dict())
    tensors(
        lambda found: found.update({name: each.to(kind) for name, each in found.items() if each.is_floating_point()})
    )(folder)
    after = Predictor.from_pretrained(folder).model.state_dict()
    for name, value in before.items():
        assert after[name].dtype == value.dtype
        assert torch.equal(after[name], value.to(kind).to(value.dtype) if value.is_floating_point() else value)


def test_a_model_that_is_not_finite_is_not_written(folder: Path, tmp_path: Path) -> None:
    broken = Predictor.from_pretrained(folder)
    broken.model.decoders["sal"].norm.running_var[0] = torch.nan  # type: ignore[union-attr, operator]
    with pytest.raises(ModelFolderError, match=r"`decoders.sal.norm.running_var` should be finite"):
        broken.save_pretrained(tmp_path / "new")


@pytest.mark.parametrize("name", CASES)
def test_a_folder_that_is_not_as_it_should_be_is_one_line(name: str, folder: Path) -> None:
    spoil, words = CASES[name]
    spoil(folder)
    with pytest.raises(ModelFolderError) as caught:
        Predictor.from_pretrained(folder)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 1000
    for word in words:
        assert word in line


def test_no_folder_is_one_line(tmp_path: Path) -> None:
    for source in (tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(ModelFolderError, match=r"none/config\.json"):
            Predictor.from_pretrained(source)


LARGE = """
import resource, sys
from pathlib import Path
import torch, transformers
from transformers.models.swin import modeling_swin
from fedhca import Predictor
from fedhca.errors import ModelFolderError
now = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + 10**9,) * 2)
try:
    Predictor.from_pretrained(sys.argv[1])
except ModelFolderError as error:
    print(error)
"""


def test_a_model_that_would_not_fit_is_refused_before_it_takes_room(folder: Path) -> None:
    """Weights of 4 GB, by the description; the process has 1 GB more than it begins with."""
    other(folder, "encoder", "embed_dim", value=2000)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LARGE, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "should hold the model of its config.json" in done.stdout
