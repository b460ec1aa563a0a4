import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fedhca.data.cache import LabelCache, default_folder
from fedhca.errors import DataError
from fedhca.storage.atomic import write_atomically


class Maker:
    """Makes a label map from a file's bytes and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, content: bytes) -> np.ndarray:
        self.calls += 1
        return np.frombuffer(content, np.uint8).reshape(2, -1).copy()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "labels.mat"
    path.write_bytes(bytes(range(200)))
    return path


def entry(folder: Path) -> Path:
    (found,) = folder.rglob("*.png")
    return found


def test_a_label_is_made_once(file: Path, tmp_path: Path) -> None:
    cache, make = LabelCache(tmp_path / "cache"), Maker()
    first, again = cache.label(file, "odd-1", make), LabelCache(tmp_path / "cache").label(file, "odd-1", make)
    assert make.calls == 1
    np.testing.assert_array_equal(first, again)
    again[0, 0] = 9  # what comes from the cache can be written to


def test_content_and_version_are_the_key(file: Path, tmp_path: Path) -> None:
    cache, make = LabelCache(tmp_path / "cache"), Maker()
    cache.label(file, "odd-1", make)
    cache.label(file, "odd-2", make)
    assert make.calls == 2
    copy = tmp_path / "elsewhere.mat"
    copy.write_bytes(file.read_bytes())
    cache.label(copy, "odd-1", make)
    assert make.calls == 2
    file.write_bytes(bytes(200))
    assert cache.label(file, "odd-1", make).max() == 0


def test_damage_is_noticed_and_mended(file: Path, tmp_path: Path) -> None:
    cache, make = LabelCache(tmp_path / "cache"), Maker()
    label = cache.label(file, "odd-1", make)
    path = entry(tmp_path / "cache")
    content = path.read_bytes()
    other = np.zeros((2, 100), np.uint8)
    damages = [b"", content[:50], content[: len(content) // 2], content.replace(b"IDAT", b"IDOT"), b"\x80\x04N.", None]
    for number, damage in enumerate(damages, start=2):
        if damage is None:
            Image.fromarray(other).save(path)  # a sound picture, but not what was made
        else:
            path.write_bytes(damage)
        np.testing.assert_array_equal(cache.label(file, "odd-1", make), label)
        assert make.calls == number
        assert path.read_bytes() == content


def test_every_flipped_bit_is_harmless(file: Path, tmp_path: Path) -> None:
    cache, make = LabelCache(tmp_path / "cache"), Maker()
    label = cache.label(file, "odd-1", make)
    path = entry(tmp_path / "cache")
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        np.testing.assert_array_equal(cache.label(file, "odd-1", make), label)


def test_a_folder_that_cannot_be_written_warns_once(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    cache, make = LabelCache(tmp_path / "cache"), Maker()
    with pytest.warns(UserWarning, match="cannot write the cache"):
        cache.label(file, "odd-1", make)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.label(file, "odd-1", make)
    assert make.calls == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.mat"):
        LabelCache(tmp_path).label(tmp_path / "gone.mat", "odd-1", Maker())


def _read_many(arguments: tuple[Path, Path]) -> int:
    folder, file = arguments
    cache, make = LabelCache(folder), Maker()
    return sum(int(cache.label(file, f"odd-{turn}", make).sum()) for turn in range(30))


def test_processes_may_share_a_folder(file: Path, tmp_path: Path) -> None:
    arguments = [(tmp_path / "cache", file)] * 8
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        sums = list(pool.map(_read_many, arguments))
    assert sums == [30 * sum(range(200))] * 8
    assert not list((tmp_path / "cache").rglob(".*")), "nothing is left behind"


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_atomically(path, b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["x.png"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the folder of other platforms")
def test_the_default_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "fedhca"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "fedhca"
