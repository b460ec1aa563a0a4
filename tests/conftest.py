"""What all tests share: helpers that other folders of tests may import, and one thread for small pictures."""

import os
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import settings

import fedhca
from tiny import RECIPE, Command

for folder in ("unit/data", "torture", "fuzz"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
# The same examples whenever these tests run, as whoever changes something should hear of what that does alone;
# `make torture` looks for others. No deadline: the first call compiles what others reuse.
settings.register_profile("fedhca", derandomize="FEDHCA_TORTURE" not in os.environ, deadline=None, print_blob=True)
settings.load_profile("fedhca")
torch.set_num_threads(1)  # on pictures this small, threads cost more than they bring


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put tests between processes, which take minutes and mostly wait, first for each of the workers that share tests.

    pytest-xdist gives each worker a stretch of the list to begin with.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    slow = [item for item in items if item.path.name == "test_engines.py"]
    others = iter([item for item in items if item.path.name != "test_engines.py"])
    stretch, order = len(items) // workers, list[pytest.Item]()
    for worker in range(workers):
        mine = slow[worker::workers]
        order += [*mine, *islice(others, max(0, stretch - len(mine)))]
    items[:] = [*order, *others]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny recipe; copy it before changing anything in it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    list(fedhca.run(RECIPE, out=folder))
    return folder
