import os
from pathlib import Path

import pytest
import torch

from fedhca.errors import RunFolderError
from fedhca.storage.tables import mapped_like


def test_a_mapped_table_is_written_and_read_and_leaves_nothing_behind(tmp_path: Path) -> None:
    table = torch.arange(12, dtype=torch.float64).view(3, 4)
    mapped = mapped_like(table, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    assert torch.equal(mapped.copy_(table), table)
    assert mapped.dtype == table.dtype
    assert mapped_like(table[:0], tmp_path).shape == (0, 4)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"Cannot write a table of rows in .*free space"):
        mapped_like(torch.zeros(2, 2), tmp_path / "file" / "folder")


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunFolderError, match=r"No space left on device\. Choose a folder with 0\.0 GB"):
        mapped_like(torch.zeros(2, 2), tmp_path)
    assert list(tmp_path.iterdir()) == []
