"""Several runs at a time, each in a process of its own."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from fedhca.errors import FedhcaError, RecipeError
from fedhca.experiment.run_folder import RunFolder


def finish_side_by_side(
    folders: Sequence[RunFolder], jobs: int, track: str = "", done: Callable[[int], object] = lambda count: None
) -> None:
    """Bring runs to their end, `jobs` at a time; the cores are shared out among them, if OMP_NUM_THREADS is not set.

    Each is `fedhca resume FOLDER --track TRACK`: nothing passes between the processes but the run folder.

    Args:
        folders: of the runs.
        jobs: runs at a time.
        track: names of trackers, with commas between.
        done: is told after each run how many are done.

    Raises:
        RecipeError: fewer than one job.
        FedhcaError: a run failed; its own line has been printed, and all others went on to their end.

    """
    if jobs < 1:
        raise RecipeError(f"--jobs should be at least 1. Found {jobs}.")
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **os.environ}  # what the user set stays

    def finish(folder: RunFolder) -> int:
        command = [sys.executable, "-m", "fedhca", "resume", str(folder.path), "--track", track]
        # Through a pipe, line by line: two progress bars on one terminal would overwrite each other.
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
        done(next(count))
        return process.returncode

    count = itertools.count(1)
    with ThreadPoolExecutor(jobs) as pool:
        codes = list(pool.map(finish, folders))
    failed = [str(folder.path) for folder, code in zip(folders, codes, strict=True) if code]
    if failed:
        raise FedhcaError(f"{len(failed)} of {len(folders)} runs failed: {', '.join(failed)}. See the lines above.")
