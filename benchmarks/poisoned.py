"""What clients that lie do to those that do not: `python benchmarks/poisoned.py [--few] [--twice] …`.

A small federation of synthetic scenes in which one of six clients (with `--twice`, two of twelve, of half the pictures
each) trains as all do, and sends something else in every round:

- flipped: start − Δ, as long as what it learnt, and pointing the other way
- scaled:  start + 100 Δ
- random:  start + noise, ten times as long as Δ

Metrics are those of honest clients after the last round, in Δm: in the first column against training alone, in the
others against the same method to which nobody lies. Where training stopped as a loss was not finite, it says so.
Every run is kept in DIR as a line of JSON, and not made again.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch import Tensor

from fedhca import FedhcaError, Guard, load_recipe
from fedhca.experiment import build
from fedhca.experiment.drive import drive
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import with_method
from fedhca.report.gain import delta_m
from fedhca.report.result import Result
from fedhca.runtimes import LocalRuntime
from fedhca.seeds import derive
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, Missing, Runtime, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

TWIN = "synthetic-figures-st-rooms-mt"
SMALL = ["rounds=12", "evaluate_every=12", "datasets.figures.train=320", "datasets.rooms.train=32"]
QUICK = ["rounds=2", "evaluate_every=2", "datasets.figures.train=40", "datasets.rooms.train=8"]
QUICK += [f"datasets.{name}.val=8" for name in ("figures", "rooms")]
ALONE = "local"
METHODS: dict[str, tuple[str, Guard]] = {
    "fedavg": ("fedavg", Guard()),
    "fedavg, guard": ("fedavg", Guard(bound=2.0)),
    "fedper": ("fedper", Guard()),
    "matfl": ("matfl", Guard()),
    "fedhca2": ("fedhca2", Guard()),
    "fedhca2, guard": ("fedhca2", Guard(bound=2.0)),
    "median": ("median", Guard()),
    "trimmed": ("trimmed", Guard()),
    "multikrum": ("multikrum", Guard()),
    "rfa": ("rfa", Guard()),
}
FEW = ["fedavg", "fedavg, guard", "fedhca2", "median"]
HONEST = "nobody lies"


def noise(delta: Tensor, draw: torch.Generator) -> Tensor:
    """Return a random vector ten times as long."""
    found = torch.randn(delta.shape, generator=draw)
    return found * (10 * delta.norm() / found.norm())


LIES: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "flipped": lambda delta, draw: -delta,
    "scaled": lambda delta, draw: 100 * delta,
    "random": noise,
}
"""What a liar says it has learnt, from what it has."""


@dataclass
class Liars:
    """A runtime in which some clients lie; they go on when their own training fails, and need not be measured."""

    inner: Runtime
    names: Sequence[str]
    lie: str
    seed: int
    learnt: dict[str, Parameters] = field(default_factory=dict)

    def hello(self) -> Iterable[Hello | Missing]:
        return self.inner.hello()

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
        asked = {request.client: request for request in requests}
        for reply in self.inner.train(requests):
            yield self._lied(asked[reply.client], reply) if reply.client in self.names else reply

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply | Missing]:
        for request in requests:
            if request.client in self.names:
                yield EvaluateReply(request.client, request.round, {})
        yield from self.inner.evaluate([request for request in requests if request.client not in self.names])

    def _lied(self, request: TrainRequest, reply: TrainReply | Missing) -> TrainReply:
        start = request.parameters.plain
        if isinstance(reply, Missing):
            reply = TrainReply(reply.client, request.round, start, {})
        elif reply.parameters.plain.finite:
            sent = reply.parameters.plain
            self.learnt[reply.client] = Parameters(sent.encoder - start.encoder, sent.decoders - start.decoders)
        delta = self.learnt.get(reply.client, Parameters(start.encoder * 0, start.decoders * 0))
        draw = torch.Generator().manual_seed(derive(self.seed, "lie", reply.client, request.round))
        lie = LIES[self.lie]
        decoders = [before + lie(each, draw) for before, each in zip(start.decoders, delta.decoders, strict=True)]
        return replace(reply, parameters=Parameters(start.encoder + lie(delta.encoder, draw), torch.stack(decoders)))


@dataclass(frozen=True)
class Case:
    """One run: a row of METHODS, or ALONE; who lies, and how; the seed."""

    method: str
    lie: str
    seed: int
    quick: bool
    twice: bool

    @property
    def name(self) -> str:
        kind = "quick" if self.quick else "twelve" if self.twice else "six"
        return "-".join([kind, self.method, self.lie, str(self.seed)]).replace(", ", "+").replace(" ", "-")

    @property
    def guard(self) -> Guard:
        return METHODS[self.method][1] if self.method in METHODS else Guard()

    @property
    def recipe(self) -> Recipe:
        counts = [f"clients.{place}.count=2" for place in range(6)] if self.twice else []
        word = METHODS[self.method][0] if self.method in METHODS else self.method
        return with_method(load_recipe(TWIN, [*(QUICK if self.quick else SMALL), *counts]), word, self.seed)

    @property
    def liars(self) -> tuple[str, ...]:
        return ("figures-edge-1", "figures-sal-2") if self.twice else ("figures-edge",)


def run(case: Case) -> dict[str, object]:
    """Run to the end, or until a client cannot go on; return the metrics of honest clients, or when it stopped."""
    recipe, began, reached = case.recipe, time.perf_counter(), 0
    make = build.build_clients(recipe)
    local: Runtime = LocalRuntime([make(each, None) for each in build.build_participants(recipe)])
    runtime = local if case.lie == HONEST else Liars(local, case.liars, case.lie, case.seed)
    metrics: Mapping[str, Mapping[str, float]] = {}
    federation = recipe.model_copy(update={"evaluate_every": recipe.rounds, "guard": case.guard})
    going = drive(build.build_method(recipe), runtime, federation)
    try:
        for each in going:
            reached, metrics = each.number, each.metrics
    except FedhcaError as error:
        return {"stopped": reached + 1, "cause": str(error)}
    honest = {name: tasks for name, tasks in metrics.items() if name not in case.liars}
    return {"metrics": honest, "seconds": time.perf_counter() - began}


def gain(found: Mapping[str, dict[str, object]], case: Case, reference: Case) -> float | str:
    """Return Δm of one run's honest clients against another's, or in which round it stopped."""
    if "stopped" in found[case.name]:
        return f"stopped in round {found[case.name]['stopped']}"
    recipe = case.recipe
    datasets = {client.name: client.dataset for client in recipe.roster}
    values, others = (
        Result.of(each.method, each.seed, found[each.name]["metrics"], datasets).values  # type: ignore[arg-type]
        for each in (case, reference)
    )
    better = {
        (client.dataset, task.name): task.higher_is_better
        for client in recipe.roster
        if client.name not in case.liars
        for task in build.build_tasks(recipe, client)
    }
    return delta_m(values, others, better)


def cell(gains: Sequence[float | str]) -> str:
    """Write the mean over seeds and their standard deviation; or how many were stopped, and when."""
    stopped = [each for each in gains if isinstance(each, str)]
    if stopped:
        return f"{stopped[0]} ({len(stopped)} of {len(gains)})" if len(gains) > 1 else stopped[0]
    known = [each for each in gains if not isinstance(each, str)]
    if not all(map(math.isfinite, known)):
        return "NaN"
    return f"{fmean(known):+.1f} ± {stdev(known):.1f}" if len(known) > 1 else f"{known[0]:+.1f}"


def work(cases: Sequence[Case], out: Path, own: int, of: int) -> None:
    """Make this process's share of the runs."""
    torch.set_num_threads(1)
    for case in cases[own::of]:
        path = out / f"{case.name}.json"
        if path.exists():
            continue
        found = run(case)
        path.write_text(json.dumps(found) + "\n")
        print(case.name, found.get("seconds", found.get("cause")), file=sys.stderr, flush=True)


def main() -> None:
    """Make the runs that are missing, in two processes of one thread, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rounds of few methods: that it runs")
    parser.add_argument("--few", action="store_true", help=f"of the methods only {'; '.join(FEW)}")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--twice", action="store_true", help="two of twelve lie, instead of one of six")
    parser.add_argument("--out", type=Path, default=Path("runs", "benchmark-poisoned"))
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    methods = FEW if arguments.quick or arguments.few else list(METHODS)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]

    def case(method: str, lie: str, seed: int) -> Case:
        return Case(method, lie, seed, arguments.quick, arguments.twice)

    rows = [(method, lie, seed) for seed in seeds for method in methods for lie in (HONEST, *LIES)]
    cases = [case(*row) for row in ((ALONE, HONEST, seed) for seed in seeds)] + [case(*row) for row in rows]
    if arguments.share is not None:
        work(cases, arguments.out, arguments.share, 2)
        return
    shares = [subprocess.Popen([sys.executable, *sys.argv, "--share", str(own)]) for own in range(2)]
    codes = [share.wait() for share in shares]
    if any(codes):
        sys.exit("a process of the benchmark failed; see the lines above")
    found = {each.name: json.loads((arguments.out / f"{each.name}.json").read_text()) for each in cases}
    print(f"| method | {HONEST}, against training alone | {' | '.join(LIES)} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for method in methods:
        alone = cell([gain(found, case(method, HONEST, seed), case(ALONE, HONEST, seed)) for seed in seeds])
        against = [
            cell([gain(found, case(method, lie, seed), case(method, HONEST, seed)) for seed in seeds]) for lie in LIES
        ]
        print(f"| {method} | {alone} | {' | '.join(against)} |")


if __name__ == "__main__":
    main()
