import errno
import time
from pathlib import Path

import pytest
from filelock import FileLock

from fedhca.errors import RunFolderError
from fedhca.storage.lock import in_use
from living import holder


def test_a_folder_that_another_process_holds_is_refused_in_one_line_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holder(folder) as process:
        with pytest.raises(RunFolderError) as caught, in_use(folder):
            pass
        assert str(caught.value) == (
            f"'{folder}' should not be in use. Found it held by process {process.pid}. Wait for its end, or stop it."
        )
        process.kill()
        process.wait()
        with in_use(folder), in_use(folder):
            pass


def test_a_process_may_hold_a_folder_several_times_and_lets_go_after_the_last(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / ".lock")
    with in_use(tmp_path):
        with in_use(tmp_path):
            pass
        with pytest.raises(TimeoutError):
            lock.acquire(timeout=0)
    with lock:
        pass


def test_who_waits_has_it_after_the_other(tmp_path: Path) -> None:
    began = time.monotonic()
    with holder(tmp_path, seconds=0.5), in_use(tmp_path, wait=True):
        assert time.monotonic() - began >= 0.5


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def acquire(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", acquire)


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "x"), OSError(errno.ENOTSUP, "x"), NotImplementedError("x")])
def test_where_there_are_no_locks_a_note_says_so(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    with pytest.warns(UserWarning, match="cannot be locked"), in_use(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, OSError(errno.EROFS, "x"))
    with pytest.raises(RunFolderError, match=r"Cannot write '.*/.lock': Read-only file system"), in_use(tmp_path):
        pass
