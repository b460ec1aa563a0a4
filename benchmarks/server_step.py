"""The server's step: seconds and memory beside the released code's procedure and a plain copy of the same bytes.

    python benchmarks/server_step.py            # 6, 24 and 100 clients of Swin-T's size, 1000 small ones
    python benchmarks/server_step.py --quick    # 6 clients
    python benchmarks/server_step.py --figure docs/figures/server-step.svg

Every number is of a process of its own, three of a kind by turns. A step begins with everybody's parameters in the
server's tables and ends with everybody's answers, decoders and hyper weights included, in a round that has a last one.

- floor: moving the bytes that any two-pass rule moves (start and end read twice, answers written: 5·N·d numbers) at
  the speed at which this machine copies N·d numbers to memory that is there already (2·N·d numbers moved).
- memory: the most that the process held above what it held before, in clients: 1 is one client's parameters.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from matplotlib import pyplot
from released import ReleasedServer
from timing import spread

from fedhca.aggregation import Member, Rows
from fedhca.methods import make_method
from fedhca.models import ClientModel, backbone
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.received_updates import ReceivedUpdates
from fedhca.server.rounds import step
from fedhca.server.state import ServerState
from fedhca.storage.tables import mapped_like, new_like
from fedhca.tasks import Depth, Edges, SemanticSegmentation, SurfaceNormals
from fedhca.wire.layout import Layout

TASKS = ("semseg", "edge", "depth", "normals")
REPEATS = 5


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        clients: how many; every sixth has four tasks, the others one.
        part: share of Swin-T's encoder, for what would not fit; 0 is a row of 100 000 numbers.
        disk: whether the tables lie in mapped files.

    """

    clients: int
    part: float = 1.0
    disk: bool = False


def layouts(part: float) -> tuple[Layout, Layout]:
    """Return Swin-T's layouts, the encoder's cut to a part."""
    tasks = [SemanticSegmentation(channels=21), Edges(), Depth(), SurfaceNormals()]
    model = ClientModel(backbone("swin", pretrained=False), tasks)
    if part == 0:
        return Layout.of({"encoder.weight": (100, 1000)}), Layout.of({"decoder.weight": (10, 100)})
    wanted, shapes, width = part * model.encoder_layout.width, dict[str, tuple[int, ...]](), 0
    for segment in model.encoder_layout.segments:
        if width < wanted:
            shapes[segment.name], width = segment.shape, segment.stop
    return Layout.of(shapes), model.decoder_layout


@dataclass(frozen=True)
class Tables:
    """What was received, and what was sent, of everybody."""

    roster: ClientRegistry
    received: tuple[torch.Tensor, torch.Tensor]
    sent: tuple[torch.Tensor, torch.Tensor]


def tables(case: Case) -> Tables:
    """Fill tables with numbers like those of training: updates are a hundredth of the parameters."""
    encoder, decoder = layouts(case.part)
    members = tuple(Member(f"client{i}", "data", TASKS if i % 6 == 0 else (TASKS[i % 4],)) for i in range(case.clients))
    roster = ClientRegistry(members, ((encoder, decoder),) * case.clients)
    sizes = (case.clients, encoder.width), (len(roster.decoder_members), decoder.width)
    received, sent = (tuple(table(size, case.disk) for size in sizes) for _ in range(2))
    for start, end in zip(received, sent, strict=True):
        for before, after in zip(start, end, strict=True):
            torch.randn(before.shape, out=before)
            torch.add(before, torch.randn_like(before), alpha=0.01, out=after)
    return Tables(roster, received, sent)  # type: ignore[arg-type]


def table(size: tuple[int, int], disk: bool) -> torch.Tensor:
    """Make a table in memory or in a file."""
    like = torch.empty(1).expand(size)
    return mapped_like(like, Path.cwd()) if disk else new_like(like)


def ours(given: Tables) -> Callable[[], object]:
    """Return a step of ours; every one goes on from the same state, and writes its answers over what was sent."""
    roster, method = given.roster, make_method("fedhca2")
    names, since = set(roster.names), torch.zeros(len(roster.members), dtype=torch.int64)
    encoders, decoders = given.received
    states = (
        method.encoder.init(Rows(encoders, encoders, roster.members, roster.layouts[0][0])),
        method.decoder.init(Rows(decoders, decoders, roster.decoder_members, roster.layouts[0][1])),
    )
    first = ServerState(roster, 0, given.received, states, since)
    second, _ = step(method, first, ReceivedUpdates(roster, given.sent, names))
    known = ServerState(roster, 0, given.received, second.memories, since)
    return lambda: step(method, known, ReceivedUpdates(roster, given.sent, names))


def baseline(given: Tables) -> Callable[[], object]:
    """Return a step as the released code goes about it."""
    layouts = given.roster.layouts[0]
    models = [[layout.unflatten(row) for row in table] for layout, table in zip(layouts, given.received, strict=True)]
    server = ReleasedServer(*models)
    trained = [[layout.unflatten(row) for row in table] for layout, table in zip(layouts, given.sent, strict=True)]
    server.models = [*trained[0], *trained[1]]
    server.step()
    return server.step


def copy(given: Tables) -> Callable[[], object]:
    """Return a copy of what was sent over what was received: 2·N·d numbers moved."""
    return lambda: [into.copy_(table) for into, table in zip(given.received, given.sent, strict=True)]


KINDS = {"ours": ours, "baseline": baseline, "copy": copy}


def measure(kind: str, case: Case) -> dict[str, float]:
    """Return median seconds, and the most memory above what was held before, in clients."""
    torch.manual_seed(0)
    given = tables(case)
    action = KINDS[kind](given)
    seconds = []
    held = Held()
    for _ in range(REPEATS if kind != "baseline" else 2):
        began = time.perf_counter()
        with held:
            action()
        seconds.append(time.perf_counter() - began)
    client = sum(part.numel() * part.element_size() for part in given.received) / case.clients
    return {"seconds": median(seconds), "clients": held.most / client, "numbers": client / 4}


class Held:
    """The most memory of its own, files not counted, that the process held above what it held at the start."""

    def __init__(self) -> None:
        self.most, self.going = 0, False

    def __enter__(self) -> None:
        self.before, self.going = self._now(), True
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.going = False
        self.thread.join()

    def _look(self) -> None:
        while self.going:
            self.most = max(self.most, self._now() - self.before)
            time.sleep(0.002)

    @staticmethod
    def _now() -> int:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("RssAnon:")[1].split()[0]) * 1024


def apart(kind: str, case: Case) -> dict[str, float]:
    """Measure in a process of its own."""
    words = [sys.executable, __file__, "--one", kind, str(case.clients), str(case.part), str(int(case.disk))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


FULL = [
    (Case(6), Case(6)),
    (Case(24), Case(24, 1 / 8)),
    (Case(100, disk=True), Case(100, 1 / 32)),
    (Case(1000, 0), Case(1000, 0)),
]
"""What is measured of ours, and of the baseline: a part of the row where the whole would not fit."""

HEAD = """
| clients | rows in | ours s | floor s | ours / floor | memory | baseline s | baseline / ours | its memory |
| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
""".strip()


@dataclass(frozen=True)
class Found:
    """What was measured of one case: numbers of a client; medians of seconds, memory in clients, and two ratios."""

    clients: int
    numbers: float
    seconds: dict[str, float]
    memory: dict[str, float]
    faster: float
    beside: float


def line(mine: Case, theirs: Case, turns: int) -> tuple[str, Found]:
    """Measure one line of the table; return it, and what is in it."""
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(turns):
        for kind, case in (("copy", mine), ("ours", mine), ("baseline", theirs)):
            found[kind].append(apart(kind, case))
    whole = mine.part / theirs.part if theirs.part else 1.0
    seconds = {kind: [each["seconds"] for each in found[kind]] for kind in KINDS}
    floor = [2.5 * each for each in seconds["copy"]]
    slow = [whole * each for each in seconds["baseline"]]
    memory = median(each["clients"] for each in found["ours"])
    taken = median(each["clients"] for each in found["baseline"])
    beside = [a / b for a, b in zip(seconds["ours"], floor, strict=True)]
    faster = [a / b for a, b in zip(slow, seconds["ours"], strict=True)]
    where = ("mapped files" if mine.disk else "memory") + (", 100 000 wide" if mine.part == 0 else "")
    about = "" if whole == 1 else " *"
    cells = [
        str(mine.clients),
        where,
        spread(seconds["ours"]),
        spread(floor),
        spread(beside),
        f"{memory:.2f}",
        spread(slow) + about,
        spread(faster) + about,
        f"{taken:.1f}{about}",
    ]
    times = {"ours": median(seconds["ours"]), "floor": median(floor), "baseline": median(slow)}
    numbers = found["ours"][0]["numbers"]
    measured = Found(mine.clients, numbers, times, {"ours": memory, "baseline": taken}, median(faster), median(beside))
    return f"| {' | '.join(cells)} |", measured


def beyond(large: Found, small: Found, clients: int) -> float:
    """Extrapolate a·N·d + b·N²·d: bytes grow with N, products of every pair with N².

    b is taken from many clients with short rows, where there is little else; a from fewer with long ones.
    """
    pairs = small.seconds["ours"] / small.clients**2 / small.numbers
    rows = large.seconds["ours"] / large.clients / large.numbers - pairs * large.clients
    return (rows * clients + pairs * clients**2) * large.numbers


def draw(found: list[Found], thousand: float, path: Path) -> None:
    """Draw seconds and memory against the number of clients of Swin-T's size, and what a thousand would take."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    names = {"ours": "fedhca", "floor": "copy floor", "baseline": "the released procedure"}
    styles = {"ours": ("#1f5fa8", "o"), "floor": ("#888888", "_"), "baseline": ("#c4572e", "s")}
    clients = [each.clients for each in found]
    for axes, what, label in ((left, "seconds", "seconds"), (right, "memory", "extra memory, clients")):
        for kind in getattr(found[0], what):
            colour, marker = styles[kind]
            values = [getattr(each, what)[kind] for each in found]
            axes.plot(clients, values, color=colour, marker=marker, label=names[kind])
        axes.set(xscale="log", yscale="log", xlabel="clients of Swin-T's size", ylabel=label)
        axes.set_xticks([6, 24, 100, 1000], ["6", "24", "100", "1000"])
        axes.grid(alpha=0.25)
    far = [found[-1].clients, 1000], [found[-1].seconds["ours"], thousand]
    left.plot(*far, color=styles["ours"][0], linestyle=":", label="fedhca, extrapolated")
    left.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    """Print the table, and the line that sums up its first row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--figure", type=Path, help="where to draw time and memory against the number of clients")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, clients, part, disk = arguments.one
        print(json.dumps(measure(kind, Case(int(clients), float(part), disk == "1"))))
        return
    print(f"{torch.get_num_threads()} threads\n\n{HEAD}", flush=True)
    found = []
    for mine, theirs in FULL[:1] if arguments.quick else FULL:
        text, measured = line(mine, theirs, turns=(2 if arguments.quick else 3) if mine.clients < 100 else 1)
        print(text, flush=True)
        found.append(measured)
    if not arguments.quick:
        print("\n\\* measured with a part of the encoder (1/8, 1/32), and multiplied")
        thousand = beyond(found[2], found[3], 1000)
        print(f"extrapolated, 1000 of Swin-T's size in files: {thousand:.0f} s")
        if arguments.figure:
            draw(found[:3], thousand, arguments.figure)
    first = found[0]
    print(
        f"\nserver step: {first.faster:.1f}x the baseline procedure, {first.beside:.1f}x the copy floor, "
        f"extra memory {first.memory['ours']:.2f} clients"
    )


if __name__ == "__main__":
    main()
