"""Change one operator or number of the source at a time, and ask whether a test notices.

python tests/mutation/mutate.py --list                    # the mutants that the seed draws
python tests/mutation/mutate.py [--count 60] [--jobs 2]   # an hour on two cores; survivors are printed
python tests/mutation/mutate.py --only 7,12               # some of them again

Mutants are drawn evenly from the report, the server and the rules. Not part of CI.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))
from mutants import Mutant, mutants_of  # noqa: E402  the path is set first

RULES = [
    f"tests/laws/test_{name}_laws.py"
    for name in (
        "weighted_sum",
        "conflict_averse",
        "cross_attention",
        "hyper_weight",
        "dynamic_groups",
        "message_passing",
        "common_step",
        "absence",
        "aggregation",
        "robust",
        "method",
        "family",
        "rival",
    )
]
TRAINED = {"test_gallery_section.py", "test_page.py", "test_pictures.py"}
"""Tests of the report that need a trained model, or draw whole pages."""
REPORT = sorted((ROOT / "tests/unit/report").glob("test_*.py"), key=lambda path: (path.name in TRAINED, path.name))
ROOMS = {
    "report": [*map(str, REPORT), "tests/laws/test_verdict_laws.py", "tests/system/test_report.py"],
    "server": ["tests/unit/server", *RULES[-3:], "tests/unit/experiment/test_run.py"],
    "aggregation": [
        "tests/unit/aggregation",
        "tests/unit/test_methods.py",
        "tests/golden",
        *RULES,
        "tests/unit/server",
    ],
}
"""Rooms of the source, and the tests that should notice; the quickest first."""
TIMEOUT_SECONDS = 1200
"""A mutant that loops for ever is noticed by the clock."""


def draw(count: int, seed: int) -> list[tuple[str, Mutant]]:
    """Return so many mutants, each with its room, in the order of the source; the same for the same seed and source."""
    chance, share, drawn = random.Random(seed), count // len(ROOMS), []
    for room in ROOMS:
        known = [each for path in sorted((ROOT / "src/fedhca" / room).rglob("*.py")) for each in mutants_of(path)]
        drawn += [(room, known[number]) for number in sorted(chance.sample(range(len(known)), share))]
    return drawn


def survives(room: str, mutant: Mutant) -> bool:
    """Return whether all tests of a room pass on the changed source."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "src")
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        (source / mutant.path.relative_to(ROOT / "src")).write_text(mutant.changed, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *ROOMS[room]]
        try:
            done = subprocess.run(
                words, cwd=ROOT, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        if done.returncode > 2:  # below 0 a signal ended it, as where machine code wrote beyond its memory
            raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout.decode()[-2000:]}")
        return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="numbers of mutants, with commas between")
    parser.add_argument("--list", action="store_true", help="print the mutants, and stop")
    options = parser.parse_args()
    drawn = dict(enumerate(draw(options.count, options.seed), 1))
    chosen = {number: drawn[number] for number in (map(int, options.only.split(",")) if options.only else drawn)}
    if options.list:
        print("\n".join(f"{number:3} {mutant.line(ROOT)}" for number, (_, mutant) in chosen.items()))
        return 0
    survived = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = pool.map(lambda each: survives(*each), chosen.values())
        for (number, (_, mutant)), alive in zip(chosen.items(), verdicts, strict=True):
            survived += alive
            print(f"{number:3} {'SURVIVED' if alive else 'killed  '} {mutant.line(ROOT)}", flush=True)
    print(f"\n{len(chosen) - survived} of {len(chosen)} killed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
