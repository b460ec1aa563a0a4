"""What fewer bits on the wire cost: `python benchmarks/sent.py [--quick] [--out DIR]`.

Two small federations of synthetic scenes, FedHCA² with parameters sent in each form, three seeds each. Δm is against
local training in whole numbers (float32) of the same seed, so that rows can be compared; bytes are those of one round,
of all clients together. Runs that DIR holds already are not made again.
"""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from statistics import fmean, stdev

from fedhca import RunFolder, load_recipe
from fedhca.cli.side_by_side import finish_side_by_side
from fedhca.experiment.compare import Entry
from fedhca.experiment.recipes import with_method
from fedhca.report.gain import delta_m
from fedhca.report.result import Result

TWINS = ("synthetic-figures-st-rooms-mt", "synthetic-rooms-st-figures-mt")
FORMS = {
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "int8 up": ("float32", "int8"),
    "int8 up, bfloat16 down": ("bfloat16", "int8"),
    "int8": ("int8", "int8"),
}


def folder(out: Path, twin: str, method: str, form: str, seed: int, changes: list[str]) -> RunFolder:
    """Return the folder of one run, made if it is not there."""
    down, up = FORMS[form]
    recipe = load_recipe(twin, [f"sent.down={down}", f"sent.up={up}", *changes])
    place = out / twin / method / form.replace(", ", "+").replace(" ", "-") / f"seed-{seed}"
    return RunFolder.create(place, with_method(recipe, method, seed))


def gain(run: RunFolder, alone: RunFolder, seed: int) -> float:
    """Return Δm of one run against another."""
    clients, method = run.recipe.roster, run.recipe.method.label
    datasets = {client.name: client.dataset for client in clients}
    values, reference = (Result.of(method, seed, Entry(method, seed, each).metrics, datasets) for each in (run, alone))
    better = {
        (datasets[client], name): task.higher_is_better
        for client, tasks in run.tasks().items()
        for name, task in tasks.items()
    }
    return delta_m(values.values, reference.values, better)


def kilobytes(run: RunFolder, direction: str) -> float:
    """Return what travels in one round, of all clients together."""
    return sum(each[direction] for each in run.journal[0]["bytes"].values()) / 1e3


def main() -> None:
    """Make the runs that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one twin, one seed, four rounds: that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs", "benchmark-sent"))
    arguments = parser.parse_args()
    quick, out = arguments.quick, arguments.out
    twins, seeds, changes = (TWINS[:1], (0,), ["rounds=4"]) if quick else (TWINS, (0, 1, 2), [])
    out = out / "quick" if quick else out
    runs = {
        (twin, method, form, seed): folder(out, twin, method, form, seed, changes)
        for twin in twins
        for seed in seeds
        for method, form in (("local", "float32"), *(("fedhca2", form) for form in FORMS))
    }
    missing = [run for run in runs.values() if not run.finished]
    with redirect_stdout(sys.stderr):
        finish_side_by_side(missing, jobs=2)
    print("| federation | sent as | kB down | kB up | Δm % | Δm − that of float32 |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for twin in twins:
        for form in FORMS:
            found, whole = (
                [gain(runs[twin, "fedhca2", each, seed], runs[twin, "local", "float32", seed], seed) for seed in seeds]
                for each in (form, "float32")
            )
            apart = [one - other for one, other in zip(found, whole, strict=True)]
            run = runs[twin, "fedhca2", form, seeds[0]]
            sizes = [f"{kilobytes(run, direction):.0f}" for direction in ("down", "up")]
            print(f"| {twin} | {form} | {' | '.join(sizes)} | {over_seeds(found)} | {over_seeds(apart)} |")


def over_seeds(values: list[float]) -> str:
    """Return the mean of the seeds, and their standard deviation."""
    return f"{fmean(values):+.2f} ± {stdev(values):.2f}" if len(values) > 1 else f"{values[0]:+.2f}"


if __name__ == "__main__":
    main()
