"""What all tests share: helpers that other folders of tests may import, and one thread for small pictures."""

import sys
from pathlib import Path

import pytest
import torch

from fedhca import RunFolder, load_recipe
from tiny import RECIPE, Command

sys.path.insert(0, str(Path(__file__).parent / "unit" / "data"))  # folders.py
torch.set_num_threads(1)  # on pictures this small, threads cost more than they bring


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny recipe; copy it before changing anything in it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    for _ in RunFolder.create(folder, load_recipe(RECIPE)).go():
        pass
    return folder
