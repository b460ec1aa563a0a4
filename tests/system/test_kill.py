import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kill
import pytest
import torch

from fedhca.storage.tensor_file import load_tensors, save_tensors

SCRIPT = Path(kill.__file__)


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.whole)])
def test_a_run_killed_a_few_times_whose_files_are_altered_ends_with_the_same_bits(kills: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(SCRIPT), "--kills", str(kills), "--seed", "3", "--alter"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=environment)
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"kills {kills}, resumed {kills}, files altered \d, bits equal: yes", last), (
        done.stdout + done.stderr
    )
    assert done.returncode == 0


def test_the_comparison_sees_one_bit(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    assert kill.differences(finished, folder) == []
    path = folder / "clients" / "figures-sal" / "after-000002.safetensors"
    tensors, facts = load_tensors(path)
    name = next(name for name, each in tensors.items() if each.dtype == torch.float32)
    tensors[name].view(-1).view(torch.int32)[0] ^= 1
    save_tensors(path, tensors, facts)
    assert kill.differences(finished, folder) == [f"clients/figures-sal/after-000002.safetensors: {name}"]


def test_the_comparison_sees_another_journal_and_missing_files(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"losses": {', '"losses": {"nobody": {}, ', 1))
    (folder / "server" / "after-000001.safetensors").unlink()
    assert kill.differences(finished, folder) == [
        "server/after-000001.safetensors: in one folder only",
        "journal, round 1: losses",
    ]
