"""Without what POSIX alone has, as on Windows, all is imported; what needs it says so."""

import subprocess
import sys

WITHOUT_POSIX = """
import os, pkgutil, signal, subprocess, sys
import cv2, filelock, multiprocessing, numba, numpy, pydantic, rich, scipy, torch, transformers, typer

for name in [name for name in dir(signal) if name.startswith("SIG")]:
    if name not in {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"}:
        delattr(signal, name)
for name in ("fork", "getpgid", "getuid", "geteuid", "kill", "killpg", "nice", "sched_getaffinity", "setsid", "uname"):
    delattr(os, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None

import fedhca, fedhca.cli

ENGINES = ("fedhca.engines.flare", "fedhca.engines.flower")  # their packages are not made for it
for found in pkgutil.walk_packages(fedhca.__path__, "fedhca."):
    if not found.name.startswith(ENGINES) and not found.name.endswith("__main__"):
        __import__(found.name)

from fedhca.engines.engine import engine_named
from fedhca.processes.process_group import start_on_leash

for use in (lambda: start_on_leash(["true"]), lambda: engine_named("flower")):
    try:
        use()
    except fedhca.FedhcaError as error:
        print(error)

sys.argv = ["fedhca", "--help"]
fedhca.cli.main()
"""


def test_without_posix_all_is_imported_and_what_needs_it_says_so_in_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSIX], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == lines[1]
    assert lines[0].startswith("Processes side by side, and sites, need groups of processes. Found")
    assert "Usage: fedhca" in done.stdout
