"""An engine's processes: as a group, kept up, and with one line about how they ended."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fedhca.errors import FedhcaError
from fedhca.processes import supervision
from fedhca.processes.supervision import Processes, require_free, stay
from living import are_gone


def started(folder: Path, code: str) -> Processes:
    return Processes([sys.executable, "-c", code], folder, folder / "log.txt", {"WORD": "heard"})


def test_what_it_started_is_ended_with_it(tmp_path: Path) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    made = started(tmp_path, code)
    while not (tmp_path / "log.txt").read_text().strip():
        time.sleep(0.05)
    child = int((tmp_path / "log.txt").read_text())
    made.stop()
    assert made.process.wait() == -signal.SIGTERM
    assert is_gone(child)


def test_nor_is_what_has_a_group_of_its_own_left(tmp_path: Path) -> None:
    child = "subprocess.Popen(['sleep', '60'], start_new_session=True).pid"
    made = started(tmp_path, f"import subprocess, time; print({child}, flush=True); time.sleep(60)")
    while not (tmp_path / "log.txt").read_text().strip():
        time.sleep(0.05)
    made.stop()
    assert is_gone(int((tmp_path / "log.txt").read_text()))


def test_nor_is_what_it_started_when_it_ends_at_the_first_word(tmp_path: Path) -> None:
    """An orphan whose parent ended before anybody looked is found all the same: by its mark."""
    child = "subprocess.Popen(['sleep', '60'], start_new_session=True).pid"
    made = started(tmp_path, f"import subprocess; print({child}, flush=True)")
    made.process.wait()
    made.leash.close()
    assert is_gone(int((tmp_path / "log.txt").read_text()))


def is_gone(number: int) -> bool:
    """Tell whether a process ends within five seconds; one that nobody has waited for yet has ended, too."""
    return are_gone([number], within=5)


@pytest.mark.parametrize("group", ["", ", start_new_session=True"])
def test_nothing_outlives_whoever_started_it_however_that_ends(group: str, tmp_path: Path) -> None:
    sleeping = f"subprocess.Popen(['sleep', '60']{group}).pid"
    child = f"import subprocess, time; print({sleeping}, flush=True); time.sleep(60)"
    code = f"""
import sys, time
from pathlib import Path
from fedhca.processes.supervision import Processes
made = Processes([sys.executable, "-c", {child!r}], Path({str(tmp_path)!r}), Path({str(tmp_path)!r}, "log.txt"), {{}})
print(made.process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        started_ = int(owner.stdout.readline())
        while not (tmp_path / "log.txt").read_text().strip():
            time.sleep(0.05)
        owner.kill()
    assert is_gone(started_)
    assert is_gone(int((tmp_path / "log.txt").read_text()))


def test_one_that_only_ends_again_is_given_up_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "PATIENCE", 2.0)
    monkeypatch.setattr(supervision, "PAUSE", 1.0)
    told: list[str] = []
    with pytest.raises(FedhcaError, match=r"should stay up\. It ended: no heard here More is in"):
        stay(
            lambda: started(tmp_path, "import os; print('x'); print('no', os.environ['WORD'], 'here')"),
            told.append,
            tmp_path,
        )
    assert told[0].startswith("The engine's process should stay up. It ended: no heard here")


def test_what_its_owner_should_see_is_told_and_ends_it_where_it_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LOOK", 0.1)
    code = "import time; print('refused', flush=True); time.sleep(60 if {} else 1)"
    told: list[str] = []
    for gives_up in (False, True):
        see: dict[str, Any] = {"notice" if not gives_up else "gives_up": lambda words: "seen" * ("refused" in words)}
        made = Processes([sys.executable, "-c", code.format(gives_up)], tmp_path, tmp_path / "log.txt", {}, **see)
        assert made.wait(told.append) is gives_up
        assert made.why() == "refused"
        made.stop()
    assert told == ["seen"]


def test_one_that_gave_up_says_why_and_when_it_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("LOOK", 0.1), ("ROOM", 0.5), ("PAUSE", 0.25)):
        monkeypatch.setattr(supervision, name, seconds)
    told: list[str] = []
    codes = iter(["print('refused', flush=True); time.sleep(60)", "print('broken')"])

    def start() -> Processes:
        code = next(codes, None)
        if code is None:
            raise KeyboardInterrupt
        words = [sys.executable, "-c", f"import time; {code}"]
        see: Any = {
            "gives_up": lambda said: "refused" in said and "here already",
            "explain": lambda said: "It is here.",
        }
        return Processes(words, tmp_path, tmp_path / "log.txt", {}, **see)

    stay(start, told.append, tmp_path)
    ended = "The engine's process should stay up. It ended: It is here. Trying again in 0.25 seconds."
    assert told == ["It is here. Trying again in 0.5 seconds.", ended]


def test_one_that_was_up_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "SOON", 0.0)
    told: list[str] = []
    count = iter(range(3))

    def start() -> Processes:
        if next(count) == 2:
            raise KeyboardInterrupt
        return started(tmp_path, "print('up')")

    stay(start, told.append, tmp_path)
    assert told == ["the engine's process ended; starting it again"] * 2


def test_a_port_that_somebody_listens_on_is_refused() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        with pytest.raises(FedhcaError, match=f"Port {port} should be free for the server. Found: Address already"):
            require_free(port)
    require_free(port)


def test_a_folder_s_process_is_started_once(tmp_path: Path) -> None:
    def start() -> Processes:
        with pytest.raises(FedhcaError, match=r"should not be in use\. It is started; stop that first\."):
            stay(start, print, tmp_path)
        raise KeyboardInterrupt

    stay(start, print, tmp_path)
