"""Look for bytes that break a reader, led by which lines of the package they reach (Linux, `pip install atheris`).

    PYTHONPATH=tests:tests/fuzz python tests/fuzz/guided.py [--seconds 60] [--readers recipe.yaml journal.jsonl …]

Every reader has a process of its own and so many seconds, and begins with a good file. What breaks one, or takes it
more than ten seconds or 4 GB, is left in `fuzz-found/`. The last line has the counts. What is found belongs into the
tests.
"""

import argparse
import re
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

FOUND = Path("fuzz-found")
LONGEST = 1 << 15
"""Bytes of a file that is tried."""


def main() -> int:
    options = _options()
    if options.one:
        guide(options.one, options.seconds)
    from hostile import READERS  # noqa: PLC0415  not before atheris may look at what it imports

    names, total, broken = options.readers or [reader.name for reader in READERS], 0, list[str]()
    for name in names:
        words = [sys.executable, __file__, "--one", name, "--seconds", str(options.seconds)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        tried = re.search(r"Done (\d+) runs", done.stderr) or re.search(r"executed_units:\s*(\d+)", done.stderr)
        reached = re.findall(r"cov: (\d+)", done.stderr)
        total += int(tried[1]) if tried else 0
        print(f"{name}: {tried[1] if tried else 'no'} inputs, {reached[-1] if reached else 'no'} places", flush=True)
        if done.returncode or not tried:
            broken.append(name)
            print(done.stderr[-3000:])
    print(f"inputs {total}, readers {len(names)}, broken {len(broken)}{': ' + ', '.join(broken) if broken else ''}")
    return 1 if broken else 0


def guide(name: str, seconds: int) -> None:
    """Try a reader for so long; the library ends the process."""
    try:
        import atheris  # noqa: PLC0415  optional
    except ModuleNotFoundError:
        sys.exit("The guided search needs the package atheris. Found none. Install it: pip install atheris")
    with atheris.instrument_imports(include=["fedhca"]):
        from hostile import READERS, attempt  # noqa: PLC0415
    warnings.simplefilter("ignore")
    reader = next(reader for reader in READERS if reader.name == name)

    def tried(content: bytes) -> None:
        with TemporaryDirectory(dir=place) as folder:
            path = Path(folder, reader.name)
            path.write_bytes(content)
            attempt(lambda: reader.read(path))

    FOUND.mkdir(exist_ok=True)
    with TemporaryDirectory() as corpus, TemporaryDirectory() as place:
        Path(corpus, "good").write_bytes(reader.good)
        words = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=4096"]
        atheris.Setup([name, *words, f"-artifact_prefix={FOUND / reader.name}-", corpus], tried)
        atheris.Fuzz()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--readers", nargs="*", help="all if not given")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
