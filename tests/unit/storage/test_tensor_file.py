import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from fedhca.errors import RunFolderError
from fedhca.storage.tensor_file import load_facts, load_shapes, load_tensors, require_whole, save_tensors

TENSORS = {
    "single": torch.tensor([1.5, -0.0, 1e-45, float("nan"), float("inf")]),
    "double": torch.arange(6, dtype=torch.float64).view(2, 3).T,
    "half": torch.ones(2, dtype=torch.bfloat16),
    "count": torch.tensor(2**60),
    "mask": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
}
FACTS = {"owner": "ä", "rounds": 3, "nested": {"list": [1, 2.5, None, "x"]}}


def test_tensors_and_facts_come_back_bit_by_bit(tmp_path: Path) -> None:
    save_tensors(tmp_path / "new" / "file.safetensors", TENSORS, FACTS)
    tensors, facts = load_tensors(tmp_path / "new" / "file.safetensors")
    assert facts == FACTS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert tensors[name].shape == tensor.shape
        found, expected = (each.contiguous().view(-1).view(torch.uint8) for each in (tensors[name], tensor))
        assert torch.equal(found, expected), name


def test_parameters_and_tensors_that_share_memory_are_saved_as_copies(tmp_path: Path) -> None:
    whole = torch.nn.Parameter(torch.arange(4.0))
    save_tensors(tmp_path / "file", {"whole": whole, "head": whole[:2], "same": whole}, {})
    tensors, _ = load_tensors(tmp_path / "file")
    assert torch.equal(tensors["head"], torch.tensor([0.0, 1.0]))
    assert torch.equal(tensors["same"], tensors["whole"])
    assert not tensors["whole"].requires_grad


def test_no_tensors_are_fine(tmp_path: Path) -> None:
    save_tensors(tmp_path / "file", {}, FACTS)
    assert load_tensors(tmp_path / "file") == ({}, FACTS)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut in its header": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "cut in its tensors": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "a pickle": lambda path: torch.save(TENSORS, path),
    "without metadata": lambda path: save_file({"a": torch.zeros(1)}, path),
    "with other metadata": lambda path: path.write_bytes(save({"a": torch.zeros(1)}, {"format": "pt"})),
    "with broken facts": lambda path: path.write_bytes(save({"a": torch.zeros(1)}, {"facts": "{"})),
    "with facts that are no table": lambda path: path.write_bytes(
        save({"a": torch.zeros(1)}, {"facts": json.dumps([1])})
    ),
    "a folder": folder_instead,
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_file_that_cannot_be_read_is_said_in_one_line(how: str, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_tensors(path, TENSORS, FACTS)
    BREAKS[how](path)
    with pytest.raises(RunFolderError) as error:
        load_tensors(path)
    assert str(error.value).startswith(f"Cannot read '{path}': ")
    assert str(error.value).endswith(". Start the run anew, or restore the file from a copy.")
    assert "\n" not in str(error.value)


def test_any_altered_byte_is_noticed_and_any_in_the_header_by_the_facts_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_tensors(path, {"a": torch.arange(3.0), "b": torch.tensor(7)}, {"rounds": 1, "zeros": "0" * 64})
    content = path.read_bytes()
    behind = 8 + int.from_bytes(content[:8], "little")
    whole: list[Callable[[Path], object]] = [load_tensors, require_whole]
    heads: list[Callable[[Path], object]] = [load_facts, load_shapes]
    for place in range(len(content)):
        for bit in (1, 128):
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            for read in [*whole, *(heads if place < behind else [])]:
                with pytest.raises(RunFolderError, match="Cannot read"):
                    read(path)
    path.write_bytes(content)
    assert load_tensors(path)[1] == load_facts(path) == {"rounds": 1, "zeros": "0" * 64}
    assert load_shapes(path) == {"a": ("F32", (3,)), "b": ("I64", ())}


def test_any_cut_and_any_addition_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_tensors(path, {"a": torch.arange(3.0)}, {"rounds": 1})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(RunFolderError, match="Cannot read"):
            load_tensors(path)
    path.write_bytes(content + b" ")
    with pytest.raises(RunFolderError, match="Cannot read"):
        load_tensors(path)


def test_another_program_reads_the_tensors(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_tensors(path, TENSORS, FACTS)
    assert load_file(path).keys() == TENSORS.keys()
