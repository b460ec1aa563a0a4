"""A federated round beside the bare PyTorch training steps in it: `python benchmarks/round.py [--quick]`.

The same clients, models and batches, by turns in one process: six clients on synthetic scenes (one with four tasks,
five with one), AdamW, several steps each. Bare are forward, losses, backward and step in a loop of a dozen lines over
batches that are in memory; a round is all that `fedhca run` does between two evaluations: parameters out, states in and
out of the shared trainers, loading and augmenting, training, collecting, and the server's step; with a run folder also
every state, checkpoint and journal on disk.

Loading is what the bare loop leaves out, so it is listed apart: what the round takes beyond both is what is ours. It
does not depend on the number of steps, so it is also given in seconds a client.
"""

import argparse
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from timing import spread

import fedhca
from fedhca.client.clients import Clients
from fedhca.client.loading import epochs
from fedhca.client.participant import Participant
from fedhca.client.samples import Batch
from fedhca.experiment import build
from fedhca.experiment.recipe import Recipe
from fedhca.seeds import derive

SIZES = {"swin-t": (96, [2, 2, 6, 2], [3, 6, 12, 24]), "small": (24, [2, 2, 2, 2], [2, 2, 4, 4])}


def recipe(model: str, size: int, batch: int, steps: int) -> Recipe:
    """Return the federation: as many pictures a client as its steps need."""
    width, depths, heads = SIZES[model]
    single = [
        {"name": f"client-{task}", "dataset": "rooms", "tasks": [task]} for task in ("semseg", "depth", "normals")
    ]
    single += [{"name": f"client-{task}", "dataset": "rooms", "tasks": ["edge"]} for task in ("edge", "edge-2")]
    config = {"image_size": size, "embed_dim": width, "depths": depths, "num_heads": heads}
    return Recipe.model_validate(
        {
            "rounds": 100,
            "evaluate_every": 1000,
            "model": {"backbone": "swin", "pretrained": False, "config": config},
            "training": {"batch_size": batch},
            "datasets": {"rooms": {"kind": "rooms", "size": [size, size], "train": 6 * batch * steps, "val": 1}},
            "clients": [
                {"name": "client-all", "dataset": "rooms", "tasks": ["semseg", "depth", "normals", "edge"]},
                *single,
            ],
        }
    )


class Bare:
    """The same steps without a federation: one model and optimiser for each client."""

    def __init__(self, given: Recipe, people: Sequence[Participant]) -> None:
        self.people, self.given = people, given
        encoder = build.build_encoder(given)
        self.trainers = [Clients(given, given.site, encoder).make(each).state.trainer for each in people]

    def load(self, number: int) -> list[list[Batch]]:
        """Load the batches of one round, as the clients do."""
        loaded = []
        for each in self.people:
            seed, size = derive(self.given.seed, each.name, "epoch", number), self.given.training.batch_size
            loaded.append([*next(epochs(each.train, each.tasks, [seed], batch_size=size, workers=0, pin=False))])
        return loaded

    def step(self, loaded: Sequence[Sequence[Batch]]) -> None:
        """Take all steps of one round."""
        for trainer, batches in zip(self.trainers, loaded, strict=True):
            trainer.model.train()
            for batch in batches:
                outputs = trainer.model(batch["image"])
                loss = sum(task.weight * task.loss(outputs[task.name], batch[task.name]) for task in trainer.tasks)
                trainer.optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[union-attr]
                trainer.optimiser.step()


def main() -> None:
    """Print medians of a few rounds, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--steps", type=int, default=8, help="of every client; in the paper 25 to 625")
    arguments = parser.parse_args()
    steps = arguments.steps
    model, size, batch, turns = ("small", 96, 4, 2) if arguments.quick else ("swin-t", 128, 8, 3)
    given = recipe(model, size, batch, steps)
    people = build.build_participants(given)
    bare, out = Bare(given, people), Path("runs", "benchmark-round")
    shutil.rmtree(out, ignore_errors=True)
    going = {}
    for name, folder in (("round", None), ("round and run folder", out)):
        options = {name: getattr(given, name) for name in ("rounds", "seed", "evaluate_every", "training")}
        going[name] = fedhca.run(people, build.build_encoder(given), "fedhca2", out=folder, **options)
    seconds: dict[str, list[float]] = {name: [] for name in ("loading", "bare steps", *going)}
    for number in range(turns + 1):
        clock = [time.perf_counter()]
        loaded = bare.load(number)
        clock.append(time.perf_counter())
        bare.step(loaded)
        clock.append(time.perf_counter())
        for each in going.values():
            next(each)
            clock.append(time.perf_counter())
        if number:  # libraries warm up in the first
            for name, after, before in zip(seconds, clock[1:], clock, strict=False):
                seconds[name].append(after - before)
    print(
        f"{model}, {size} × {size} pixels, batches of {batch}, 6 × {steps} steps, {torch.get_num_threads()} threads\n"
    )
    print("| | s | over loading and bare steps | s more, a client |\n| --- | ---: | ---: | ---: |")
    least = [a + b for a, b in zip(seconds["loading"], seconds["bare steps"], strict=True)]
    over = {name: [value / floor for value, floor in zip(seconds[name], least, strict=True)] for name in going}
    more = {name: [(a - b) / 6 for a, b in zip(seconds[name], least, strict=True)] for name in going}
    for name, values in seconds.items():
        print(
            f"| {name} | {spread(values)} | {' | '.join(spread(each[name]) for each in (over, more) if name in each)} |"
        )
    shutil.rmtree(out, ignore_errors=True)
    print(f"\nround: {median(over['round']):.3f}x its loading and bare steps")


if __name__ == "__main__":
    main()
