"""All of it: kills, faults of the disk, random schedules, hostile input, a long run; one line of counts at the end.

python tests/torture [--quick]        # an hour; quick: under five minutes, and not between processes
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tally import total  # noqa: E402  the path is set first

PARTS: dict[str, tuple[list[str], list[str] | None]] = {
    "kills": (["kill.py", "--kills", "200", "--alter"], ["kill.py", "--kills", "20", "--alter"]),
    "disk": (["disk.py", "--faults", "30"], ["disk.py", "--faults", "6"]),
    "kills over FLARE": (["network.py", "--engine", "flare", "--kills", "12"], None),
    "kills over Flower": (["network.py", "--engine", "flower", "--kills", "8"], None),
    "long run": (["long_run.py", "--rounds", "500"], ["long_run.py", "--rounds", "100"]),
}
"""Scripts with their arguments, whole and quick; None where it takes too long."""
TRIED = ["fuzz", "laws", "system/test_two_resumes.py"]
QUICKLY_TRIED = ["fuzz", "laws/test_schedule_laws.py", "system/test_two_resumes.py"]
"""Tests that try random input, other input each time."""
FACTOR, QUICK_FACTOR = 20, 2
"""Times as many examples as in the tests."""


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    began, failed = time.monotonic(), list[str]()
    with tempfile.TemporaryDirectory() as place:
        tally = Path(place, "tally")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep),
            "OMP_NUM_THREADS": "1",
            "FEDHCA_TALLY": str(tally),
            "FEDHCA_TORTURE": str(QUICK_FACTOR if quick else FACTOR),
        }
        tests = ["-m", "pytest", "-q", *(str(HERE.parent / each) for each in (QUICKLY_TRIED if quick else TRIED))]
        scripts = {name: parts[1] if quick else parts[0] for name, parts in PARTS.items()}
        commands = {"random schedules and hostile input": tests}
        commands |= {name: [str(HERE / words[0]), *words[1:]] for name, words in scripts.items() if words}
        for name, words in commands.items():
            print(f"\n{name}: python {' '.join(words)}\n", flush=True)
            if subprocess.run([sys.executable, *words], env=environment, check=False).returncode:
                failed.append(name)
        counts = total(tally)
    took = timedelta(seconds=round(time.monotonic() - began))
    print(f"\n{line(counts)}, in {took}{'; failed: ' + ', '.join(failed) if failed else ''}")
    return 1 if failed else 0


def line(counts: Counter[str]) -> str:
    """Return the counts in one line."""
    return (
        f"kills {counts['kills']} survived {counts['survived']}, faults {counts['faults']}, schedules "
        f"{counts['schedules']}, inputs {counts['inputs']}, tracebacks {counts['tracebacks']}, long rounds "
        f"{counts['rounds']}"
    )


if __name__ == "__main__":
    sys.exit(main())
