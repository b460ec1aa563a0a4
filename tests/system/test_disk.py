import os
import subprocess
import sys
from pathlib import Path

import disk
import pytest

SCRIPT = Path(disk.__file__)


def may_mount() -> bool:
    """Whether this user may have a file system of its own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    try:
        words = ["unshare", "--mount", *user, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not may_mount(), reason="needs `unshare` and `mount`, and a system that lets this user have them")
@pytest.mark.parametrize("faults", [1, pytest.param(3, marks=pytest.mark.whole)])
def test_a_disk_that_is_full_read_only_or_gone_costs_nothing_but_the_time_to_mend_it(faults: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(SCRIPT), "--faults", str(faults), "--seed", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.stdout.splitlines()[-1] == f"faults {faults}, survived {faults}", done.stdout + done.stderr
