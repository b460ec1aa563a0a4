"""Runs that nobody trained: recipes and journals written by hand, so that every number on a page is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedhca.experiment import journal
from fedhca.experiment.compare import Entry
from fedhca.experiment.recipes import load_recipe
from fedhca.experiment.run_folder import RunFolder
from tiny import RECIPE

QUALITY = {"local": 1.0, "fedavg": 0.8, "fedhca2": 1.1}
"""By what each method's metrics are better than those of training alone."""
BASE = {"semseg": 40.0, "depth": 0.8, "normals": 20.0, "edge": 60.0, "sal": 70.0}
LOWER = {"depth", "normals"}
LAYERS = 6


def made(
    out: Path,
    method: str,
    seed: int = 0,
    *,
    rounds: int = 4,
    done: int | None = None,
    setting: str = "",
    changes: Sequence[str] = (),
    without: Sequence[str] = (),
    metrics: dict[str, dict[str, float | None]] | None = None,
    better: float | None = None,
) -> Entry:
    """Make a run folder in which some rounds are done; return it as part of a comparison.

    Args:
        out: where; the run is at OUT/METHOD/seed-K.
        method: in one word.
        seed: of the run.
        rounds: that were planned.
        done: those that were done; all if not given.
        setting: of the entry.
        changes: to the tiny recipe.
        without: notes that the journal does not have, as older ones.
        metrics: of the last round, instead of those that QUALITY gives.
        better: instead of what QUALITY says.

    """
    recipe = load_recipe(RECIPE, [f"method={method}", f"seed={seed}", f"rounds={rounds}", *changes])
    folder = RunFolder.create(out / method / f"seed-{seed}", recipe)
    for number in range(1, (rounds if done is None else done) + 1):
        line = _line(recipe, number, seed, without, better or QUALITY.get(recipe.method.name, 1.05))
        if metrics and number == rounds:
            line["metrics"] = metrics
        (folder.path / "journal.jsonl").touch()
        journal.append(folder.path / "journal.jsonl", line)
    return Entry(method, seed, folder, setting)


def _line(recipe: Any, number: int, seed: int, without: Sequence[str], better: float) -> dict[str, Any]:
    clients = {client.name: client.tasks for client in recipe.roster}
    decoders = sum(map(len, clients.values()))
    values = {client: {task: _value(task, number, seed, better) for task in tasks} for client, tasks in clients.items()}
    encoder = {"mixing": _mixing(len(clients), recipe.method.name), "gram": _gram(len(clients))}
    decoder = {"mixing": _mixing(decoders, recipe.method.name), "gram": _gram(decoders)}
    if recipe.method.name == "fedhca2":
        encoder["alpha"] = [0.1 + 0.05 * number * (place + 1) for place in range(len(clients))]
        decoder["beta"] = [[0.1 + 0.02 * number * (LAYERS - layer) for layer in range(LAYERS)]] * decoders
        if number > 1:  # of the first round there is no product yet
            encoder |= {"product": [0.02] * len(clients), "own_product": [0.017] * len(clients)}
            decoder |= {"product": [[0.1] * LAYERS] * decoders, "own_product": [[0.04] * LAYERS] * decoders}
    for side in (encoder, decoder):
        for name in without:
            side.pop(name, None)
    return {
        "round": number,
        "losses": {client: dict.fromkeys(tasks, 2.0 / number) for client, tasks in clients.items()},
        "metrics": values if number % recipe.evaluate_every == 0 or number == recipe.rounds else {},
        "encoder": encoder,
        "decoder": decoder,
        "seconds": {"train": 1.5, "aggregate": 0.25, "evaluate": 0.5},
        "clients": {client: {"train": 1.0 * number, "transport": 0.5, "waiting": 0.25} for client in clients},
        "bytes": {client: {"down": 1000 * len(tasks), "up": 900 * len(tasks)} for client, tasks in clients.items()},
    }


def _value(task: str, number: int, seed: int, better: float) -> float:
    if task in LOWER:
        return BASE[task] * (1 - 0.02 * number + 0.01 * seed) / better
    return BASE[task] * (1 + 0.02 * number + 0.01 * seed) * better


def _mixing(count: int, method: str) -> Any:
    share = {"local": 0.0, "fedavg": 1.0}.get(method, 0.25)
    return [[(1 - share) * (i == j) + share / count for j in range(count)] for i in range(count)]


def _gram(count: int) -> Any:
    return [[1.0 if i == j else -0.1 if i + j == 1 else 0.2 for j in range(count)] for i in range(count)]
