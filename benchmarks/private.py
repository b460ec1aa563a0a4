"""What differential privacy costs: `python benchmarks/private.py [--quick] [--seeds 0,1,2] [--out DIR]`.

A small federation of synthetic scenes, FedAvg and FedHCA² with updates blurred by more and more noise. They are clipped
to the median length of those that FedHCA² without privacy makes, with the first seed. Δm is against local training
of the same seed, which sends nothing that would need blurring. ε is each client's, of the whole run, at δ = 1e-5.
Runs that DIR holds already are not made again.
"""

import argparse
import math
import sys
from contextlib import redirect_stdout
from pathlib import Path
from statistics import fmean, median, stdev

from fedhca import FedhcaError, Privacy, RunFolder, load_recipe
from fedhca.cli.side_by_side import finish_side_by_side
from fedhca.client.privacy import epsilon
from fedhca.experiment.compare import Entry
from fedhca.experiment.recipes import with_method
from fedhca.report.gain import delta_m
from fedhca.report.result import Result

TWIN = "synthetic-figures-st-rooms-mt"
METHODS = ("fedavg", "fedhca2")
NOISES = (0.0, 0.001, 0.01, 0.1, 1.0)
PARTS = ("encoder", "decoder")


def folder(out: Path, method: str, seed: int, privacy: Privacy | None, changes: list[str]) -> RunFolder:
    """Return the folder of one run, made if it is not there."""
    kind, blurred = "plain", list[str]()
    if privacy is not None:
        kind = f"clip-{privacy.clip:g}-noise-{privacy.noise:g}"
        blurred = [f"privacy.clip={privacy.clip}", f"privacy.noise={privacy.noise}", "privacy.metrics=true"]
    recipe = with_method(load_recipe(TWIN, [*blurred, *changes]), method, seed)
    return RunFolder.create(out / kind / method / f"seed-{seed}", recipe)


def finish(runs: list[RunFolder]) -> None:
    """Make the runs that are missing; one that breaks off, as its numbers are no longer finite, stops no other."""
    try:
        with redirect_stdout(sys.stderr):
            finish_side_by_side([run for run in runs if not run.finished], jobs=2)
    except FedhcaError as error:
        print(error, file=sys.stderr)


def lengths(run: RunFolder) -> list[float]:
    """Return the length of every update of a run, of encoder and decoders together."""
    counts, found = [len(client.tasks) for client in run.recipe.roster], []
    for line in run.journal:
        encoders, decoders = ([row[place] for place, row in enumerate(line[part]["gram"])] for part in PARTS)
        for encoder, count in zip(encoders, counts, strict=True):
            found.append(math.sqrt(encoder + sum(decoders[:count])))
            del decoders[:count]
    return found


def gain(run: RunFolder, alone: RunFolder, seed: int) -> float:
    """Return Δm of one run against another; NaN for one that broke off."""
    if not run.finished:
        return math.nan
    clients, method = run.recipe.roster, run.recipe.method.label
    datasets = {client.name: client.dataset for client in clients}
    values, reference = (Result.of(method, seed, Entry(method, seed, each).metrics, datasets) for each in (run, alone))
    better = {
        (datasets[client], name): task.higher_is_better
        for client, tasks in run.tasks().items()
        for name, task in tasks.items()
    }
    return delta_m(values.values, reference.values, better)


def over_seeds(values: list[float]) -> str:
    """Return the mean of the seeds, and their standard deviation."""
    if any(map(math.isnan, values)):
        return "broke off"
    return f"{fmean(values):+.2f} ± {stdev(values):.2f}" if len(values) > 1 else f"{values[0]:+.2f}"


def main() -> None:
    """Make the runs that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="FedHCA² alone, one seed, four rounds, three noises")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--out", type=Path, default=Path("runs", "benchmark-private"))
    arguments = parser.parse_args()
    seeds = [0] if arguments.quick else [int(seed) for seed in arguments.seeds.split(",")]
    out, changes = (arguments.out / "quick", ["rounds=4"]) if arguments.quick else (arguments.out, [])
    noises, methods = (NOISES[::2], METHODS[1:]) if arguments.quick else (NOISES, METHODS)

    plain = {
        (method, seed): folder(out, method, seed, None, changes) for seed in seeds for method in ("local", *methods)
    }
    finish(list(plain.values()))
    found = lengths(plain["fedhca2", seeds[0]])
    clip = float(f"{median(found):.2g}")
    levels = [Privacy(clip=clip, noise=noise) for noise in noises]
    blurred = {
        (method, seed, each): folder(out, method, seed, each, changes)
        for seed in seeds
        for each in levels
        for method in methods
    }
    finish(list(blurred.values()))

    roster = plain["fedhca2", seeds[0]].roster
    numbers = sum(layout.width for layout in roster.layouts[0])
    rounds = plain["fedhca2", seeds[0]].recipe.rounds
    print(
        f"Updates have a length of {clip:g} (median; {min(found):.2g} to {max(found):.2g}), which is `clip`; those of a"
    )
    print(f"client with one task have {numbers} numbers. {rounds} rounds, seeds {', '.join(map(str, seeds))}.\n")
    print(f"| noise | ε | noise's length / clip | {' | '.join(f'Δm % {method}' for method in methods)} |")
    print(f"| --- | ---: | ---: |{' ---: |' * len(methods)}")
    for level in (None, *levels):
        runs = {
            (method, seed): plain[method, seed] if level is None else blurred[method, seed, level]
            for method in methods
            for seed in seeds
        }
        gains = [over_seeds([gain(runs[each, seed], plain["local", seed], seed) for seed in seeds]) for each in methods]
        words = ["not private", "∞", "0"]
        if level is not None:
            longer = f"{level.noise * math.sqrt(numbers):.3g}"
            words = [
                f"{level.noise:g}" if level.noise else "0: clipped only",
                f"{epsilon(level, rounds):.3g}".replace("inf", "∞"),
                longer,
            ]
        print(f"| {' | '.join([*words, *gains])} |")


if __name__ == "__main__":
    main()
