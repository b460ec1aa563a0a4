"""Take the disk away from a run: full, read-only, or its folder gone, after any round; mend it, and resume.

    PYTHONPATH=tests python tests/torture/disk.py [--faults 12] [--seed 0]

The run lies in a small file system in memory that this process alone sees (Linux; `unshare`). After each fault there
has to be one line, no half file, and every checkpoint as it was; after mending, the bits of a run that met no fault.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path

import torch
from kill import RECIPE, differences

import fedhca
from fedhca import RunFolder, load_recipe
from fedhca.errors import RunFolderError
from fedhca.storage.tensor_file import require_whole
from tally import tally

ROUNDS = 4
SIZE = 16 << 20
"""Bytes of the file system: several times what the run writes."""
INSIDE = "FEDHCA_TORTURE_INSIDE"


def main() -> int:
    options = _options()
    if INSIDE not in os.environ:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        words = ["unshare", "--mount", *user, sys.executable, __file__, *sys.argv[1:]]
        return subprocess.run(words, env={**os.environ, INSIDE: "1"}, check=False).returncode
    torch.set_num_threads(1)
    warnings.simplefilter("error")  # a fault here leaves nothing broken to be noted
    draw = random.Random(options.seed)
    recipe = load_recipe(RECIPE, [f"rounds={ROUNDS}"])
    with tempfile.TemporaryDirectory() as place, small_disk(Path(place, "disk")) as disk:
        whole = Path(place, "whole")
        list(fedhca.run(recipe, out=whole))
        survived = 0
        for number in range(options.faults):
            fault = [*FAULTS][number % len(FAULTS)]
            shutil.rmtree(disk / "run", ignore_errors=True)
            run = RunFolder.create(disk / "run", recipe)
            found = [*meet(fault, run, draw), *differences(whole, run.path)]
            survived += not found
            tally("faults")
            print(f"fault {number + 1} ({fault}): {'; '.join(found) or 'survived'}", flush=True)
    print(f"faults {options.faults}, survived {survived}")
    return 0 if survived == options.faults else 1


def meet(fault: str, run: RunFolder, draw: random.Random) -> Iterator[str]:
    """Run, meet the fault, mend, resume; say what was not as it should be."""
    going = fedhca.run(run.recipe, out=run.path)
    done = draw.randrange(1, ROUNDS)
    list(islice(going, done))
    with FAULTS[fault](run.path, draw):
        before = checkpoints(run.path)
        try:
            list(going)
            yield "nothing was noticed"
        except RunFolderError as error:
            if "\n" in str(error) or str(run.path.parent) not in str(error):
                yield f"the line does not say where: {error}"
        after = checkpoints(run.path)
        if any(after.get(name, content) != content for name, content in before.items()):
            yield "a checkpoint was changed"
        if any(each.name.startswith(".after") for each in run.path.rglob("*")):
            yield "a half file was left"
        for path in run.path.rglob("after-*"):
            require_whole(path)
    list(fedhca.run(RunFolder.open(run.path).recipe, out=run.path))


def checkpoints(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("server/after-*")}


@contextmanager
def full(folder: Path, draw: random.Random) -> Iterator[None]:
    """Leave some bytes, fewer than a round needs."""
    fill = folder.parent / "fill"
    with fill.open("wb") as file:
        free = shutil.disk_usage(folder.parent).free
        os.posix_fallocate(file.fileno(), 0, max(1, free - draw.choice([0, 4096, 20_000, 60_000, 120_000])))
    yield
    fill.unlink()


@contextmanager
def read_only(folder: Path, draw: random.Random) -> Iterator[None]:
    place = str(folder.parent)
    subprocess.run(["mount", "--bind", place, place], check=True)  # the lock is open, which keeps a disk from changing
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
    yield
    subprocess.run(["umount", place], check=True)


@contextmanager
def gone(folder: Path, draw: random.Random) -> Iterator[None]:
    """Move the folder away while it is in use, as a file system that is unmounted would."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    yield
    shutil.rmtree(folder, ignore_errors=True)  # what was made there before it was noticed
    aside.rename(folder)


FAULTS: dict[str, Callable[[Path, random.Random], AbstractContextManager[None]]] = {
    "full": full,
    "read-only": read_only,
    "gone": gone,
}


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Mount a small file system in memory."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--faults", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
