"""Several runs at a time, each in a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from fedhca.errors import FedhcaError, RecipeError
from fedhca.experiment.run_folder import RunFolder
from fedhca.processes.process_group import start_on_leash

PATIENCE = 20.0
"""Seconds for a run to stop in, when it is asked to; then it is ended."""

KILLED = "the run's process was killed, most likely because memory ran out. Lower --jobs, then do the same again."


def finish_side_by_side(
    folders: Sequence[RunFolder],
    jobs: int,
    track: str = "",
    done: Callable[[int], object] = lambda count: None,
    tell: Callable[[str], object] = print,
    words: Sequence[str] = (),
) -> None:
    """Bring runs to their end, `jobs` at a time; the cores are shared out among them, if OMP_NUM_THREADS is not set.

    Each is `fedhca resume FOLDER --track TRACK`: nothing passes between the processes but the run folder. None of
    them outlives this one, and when this one is stopped, they are.

    Args:
        folders: of the runs.
        jobs: runs at a time.
        track: names of trackers, with commas between.
        done: is told after each run how many are done.
        tell: is given each line that a run prints; what goes wrong goes to standard error.
        words: more of them for each command, such as --quiet.

    Raises:
        RecipeError: fewer than one job.
        FedhcaError: a run failed; its own line has been printed, and all others went on to their end.

    """
    if jobs < 1:
        raise RecipeError(f"--jobs should be at least 1. Found {jobs}.")
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **os.environ}  # what the user set stays
    children = _Children(environment, tell)
    failed: list[RunFolder] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            more = ["--as-job", "--track", track, *words]
            going = {pool.submit(children.finish, ["resume", str(folder.path), *more]): folder for folder in folders}
            for count, each in enumerate(as_completed(going), 1):
                failed += [going[each]] if each.result() else []
                if each.result() < 0:  # it could not say so itself
                    sys.stderr.write(f"fedhca: {going[each].path}: {KILLED}\n")
                done(count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    if failed:
        names = ", ".join(str(folder.path) for folder in folders if folder in failed)
        raise FedhcaError(f"{len(failed)} of {len(folders)} runs failed: {names}. See the lines above.")


class _Children:
    """Runs that are going on; once they are to stop, none is begun, and what they say of that is kept back."""

    def __init__(self, environment: dict[str, str], tell: Callable[[str], object]) -> None:
        self.environment, self.tell = environment, tell
        self.going: list[subprocess.Popen[str]] = []
        self.over, self.lock = False, threading.Lock()

    def finish(self, words: Sequence[str]) -> int:
        """Start a command, hand on what it prints, wait for its end, and return its exit code."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        with self.lock:
            if self.over:
                return 1
            # Through pipes, line by line: two progress bars on one terminal would overwrite each other.
            command = [sys.executable, "-m", "fedhca", *words]
            process, leash, _ = start_on_leash(command, env=self.environment, errors="replace", **pipes)
            self.going.append(process)
        with leash, process:
            errors = threading.Thread(target=self._hand_on, args=(process.stderr, sys.stderr.write), daemon=True)
            errors.start()
            self._hand_on(process.stdout, lambda line: self.tell(line.rstrip("\n")))
            code = process.wait()
            leash.close()  # or whoever still holds the pipe of errors would be waited for
            errors.join()
        self.going.remove(process)
        return code

    def _hand_on(self, lines: Iterable[str] | None, write: Callable[[str], object]) -> None:
        for line in lines or ():
            if not self.over:
                write(line)

    def stop(self) -> None:
        """Ask all to stop, and end those that take too long."""
        with self.lock:
            self.over = True
        for process in list(self.going):
            process.terminate()
        for process in list(self.going):
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
