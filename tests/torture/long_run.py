"""A federation of many rounds of which clients miss a third: what it costs must not grow with its length.

    PYTHONPATH=tests python tests/torture/long_run.py [--rounds 500] [--clients 12]

Clients are functions; the server is the real one, with its run folder. The last line says by how much memory in use
grew at least per 100 rounds (MB, with 95 % confidence, over the second half), how many files were open at the start and
at the end, how long the last hundred rounds took beside the first, and how long reading the journal and making the
report took.
"""

import argparse
import ctypes
import gc
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import theilslopes

from fedhca.experiment import journal
from fedhca.experiment.drive import drive
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.methods import make_method
from fedhca.report.discovery import found_runs
from fedhca.report.page import write_report
from fedhca.runtimes import ScriptedRuntime
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateRequest, Hello, Missing, TrainRequest
from fedhca.wire.parameters import Parameters
from tally import tally

AWAY = 0.3
ENCODER, DECODER = Layout.of({"a.weight": (64, 256), "b.weight": (256,)}), Layout.of({"c.weight": (16, 64)})
TASKS = ("depth", "normals", "semseg", "edge")
MOST_GROWTH, MOST_SLOWER = 0.5, 1.5
"""MB in 100 rounds; ratio of the last hundred rounds' time to the first's."""


@dataclass(frozen=True)
class Found:
    """What a long run cost.

    Attributes:
        growth: of memory in use, in MB per 100 rounds; it is at least that.
        files: open at the start and at the end.
        slower: time of the last hundredth of rounds over that of the first.
        reading: seconds to read the journal.
        reporting: seconds to make the report.

    """

    growth: float
    files: tuple[int, int]
    slower: float
    reading: float
    reporting: float


def main() -> int:
    options = _options()
    found = run(options.rounds, options.clients)
    print(
        f"rounds {options.rounds}, memory {found.growth:+.2f} MB per 100 rounds, open files {found.files[0]} → "
        f"{found.files[1]}, last rounds {found.slower:.2f}x the first, journal read in {found.reading:.2f} s, report "
        f"made in {found.reporting:.1f} s"
    )
    return 0 if found.growth < MOST_GROWTH and found.files[0] == found.files[1] and found.slower < MOST_SLOWER else 1


def run(rounds: int, clients: int) -> Found:
    """Run so many rounds."""
    names = [f"client-{number}" for number in range(1, clients + 1)]
    recipe = Recipe.model_validate(
        {
            "rounds": rounds,
            "on_missing": "keep",
            "evaluate_every": 10,
            "datasets": {"rooms": {"kind": "rooms", "train": clients}},
            "clients": [{"name": "client", "dataset": "rooms", "tasks": list(TASKS[:1]), "count": clients}],
        }
    )
    draw = random.Random(0)
    memory, seconds, open_files = [], [], []
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create(Path(place, "run"), recipe)
        runtime = ScriptedRuntime([_hello(name) for name in names], lambda request: _moved(request, draw), _measured)
        method = make_method("fedhca2")
        began = time.perf_counter()
        for each in drive(method, runtime, recipe, folder.path):
            seconds.append(time.perf_counter() - began)
            gc.collect()
            memory.append(_in_use())
            open_files.append(len([*Path("/proc/self/fd").iterdir()]))
            tally("rounds")
            assert each.state.encoders.isfinite().all()
            began = time.perf_counter()
        began = time.perf_counter()
        assert len(journal.read_lines(folder.path / "journal.jsonl")) == rounds
        reading = time.perf_counter() - began
        began = time.perf_counter()
        write_report(found_runs([folder.path]), Path(place, "report"), title="long", pictures=0)
        reporting = time.perf_counter() - began
    return Found(growth(memory), (open_files[rounds // 10], open_files[-1]), _slower(seconds), reading, reporting)


def _hello(name: str) -> Hello:
    start = Parameters(torch.zeros(ENCODER.width), torch.zeros(1, DECODER.width))
    return Hello(name, "rooms", TASKS[:1], 5, ENCODER, DECODER, start)


def _moved(request: TrainRequest, draw: random.Random) -> Parameters | Missing:
    if draw.random() < AWAY and request.client != "client-1":  # somebody is always there
        return Missing(request.client, "away")
    start = request.parameters.plain
    return Parameters(start.encoder + 0.01 * torch.randn(ENCODER.width), start.decoders + 0.01)


def _measured(request: EvaluateRequest) -> dict[str, float]:
    return {"depth": 1.0 / (request.round + 1)}


class Allocated(ctypes.Structure):
    """What glibc's `mallinfo2` returns; `hblkhd` and `uordblks` are the bytes in use."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def _in_use() -> float:
    """Return the memory that this process has in use, in MB: the system counts what the allocator holds free, too."""
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Allocated
    found = library.mallinfo2()
    return (found.hblkhd + found.uordblks) / 1e6


def growth(memory: Sequence[float]) -> float:
    """Return by how much memory grew at least per 100 rounds, with 95 % confidence; a step here and there is none.

    It is the lower end of the interval of Theil and Sen's slope, the median over all pairs of rounds, in the second
    half.
    """
    half = memory[len(memory) // 2 :]
    return float(theilslopes(half, np.arange(len(half)) / 100).low_slope)


def _slower(seconds: Sequence[float]) -> float:
    """Return how much longer rounds without evaluation take at the end than at the beginning, by medians."""
    part = max(1, min(100, len(seconds) // 3))
    return float(np.median(seconds[-part:]) / np.median(seconds[:part]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--clients", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
