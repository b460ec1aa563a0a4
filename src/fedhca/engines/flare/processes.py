"""Starting FLARE's own processes, whose supervisor brings them back, and stopping them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from fedhca.engines.flare import require_flare
from fedhca.errors import FedhcaError, RunFolderError

SITE, SERVER = "FEDHCA_SITE", "FEDHCA_SERVER"
"""Variables with the folder of this site, or server, for the processes that FLARE starts for a run."""
QUIET = {"PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


class Supervised:
    """FLARE's supervisor of one workspace, with the process it keeps alive, as a group of processes.

    Args:
        workspace: with `startup` and `local` in it.
        environment: variables for it and all it starts.

    """

    def __init__(self, workspace: Path, environment: Mapping[str, str]) -> None:
        require_flare()
        script = workspace / "startup" / "sub_start.sh"
        if not script.is_file():
            raise RunFolderError(f"'{workspace}' should hold FLARE's startup files. Found no {script.name}.")
        for left in ("pid.fl", "daemon_pid.fl", "shutdown.fl", "restart.fl"):
            (workspace / left).unlink(missing_ok=True)
        self.console = workspace / "console.txt"
        self.log = self.console.open("ab")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.process = subprocess.Popen(
            ["bash", str(script.resolve())],
            cwd=workspace,
            env={**os.environ, **QUIET, **environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self.process.wait()

    def stop(self) -> None:
        """End all of the group."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, end)
                self.process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.log.close()


def stay(supervised: Supervised) -> None:
    """Wait until somebody ends this process; then leave none of the group behind.

    Raises:
        FedhcaError: FLARE's process does not stay up.

    """

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        supervised.wait()
    except KeyboardInterrupt:
        return
    finally:
        supervised.stop()
    raise FedhcaError(f"FLARE's process should stay up. It ended; '{supervised.console}' says why.")
