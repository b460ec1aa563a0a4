"""Evaluation beside training, a picture: `python benchmarks/evaluation.py [--quick] [--batch N] [--device cuda]`.

Swin-T with every task of NYUD-v2 at 448 × 576 pixels and of PASCAL-Context at 512 × 512, on painted scenes, loaded
beforehand. A training step is forward, losses, backward and AdamW; evaluation is forward and the sums of every task's
metric, the edge benchmark at 99 thresholds among them. By turns in one process. The network starts from chance and
has seen two steps: its edges are noise, of which there is more to match than of good ones.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import folders
import torch
from timing import seconds, spread
from torch import Tensor

from fedhca.client.trainer import Trainer
from fedhca.client.training import measure
from fedhca.config.federation import Training
from fedhca.data.augmented import Augmented
from fedhca.data.nyud import NYUDv2
from fedhca.data.pascal_context import PASCALContext
from fedhca.data.source import Source
from fedhca.models import ClientModel, backbone
from fedhca.tasks.task import Task
from fedhca.wire.messages import LocalRule

Batch = dict[str, Tensor]


def compare(source: Source, batch_size: int, turns: int, device: torch.device) -> dict[str, list[float]]:
    """Return milliseconds a picture of training, evaluation, and the parts of evaluation."""
    tasks = list(source.tasks.values())
    pictures = Augmented(source, range(batch_size), list(source.tasks), train=False)
    samples = [pictures[index] for index in range(batch_size)]
    batch = {name: torch.stack([each[name] for each in samples]).to(device) for name in samples[0]}
    model = ClientModel(backbone("swin", pretrained=False), tasks).to(device)
    trainer = Trainer(model, tasks, Training(batch_size=batch_size))

    def train() -> None:
        trainer.train([(1e-3, iter([batch]))], 1, LocalRule(), model.collect(), where="the benchmark")

    for _ in range(2):
        train()
    measure(model, tasks, [batch])
    with torch.no_grad():
        outputs = model(batch["image"])
    found: dict[str, list[float]] = {}
    for _ in range(turns):
        parts: dict[str, Callable[[], object]] = {
            "training": train,
            "evaluation": lambda: measure(model, tasks, [batch]),
            **{task.metric + f" ({task.name})": _of(task, outputs, batch) for task in tasks},
        }
        for name, action in parts.items():
            found.setdefault(name, []).append(1000 * seconds(action, device) / batch_size)
    return found


def _of(task: Task, outputs: Batch, batch: Batch) -> Callable[[], object]:
    return lambda: task.measure(outputs[task.name], batch[task.name])


def main() -> None:
    """Print a table for both data sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device, turns = torch.device(arguments.device), 1 if arguments.quick else 5
    torch.manual_seed(0)
    print(f"Swin-T, batches of {arguments.batch}, {device}, {torch.get_num_threads()} threads\n")
    print("| data set | | ms a picture | share of training |\n| --- | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        nyud = folders.nyud(Path(folder) / "nyud", arguments.batch)
        pascal = folders.pascal_context(Path(folder) / "pascal", arguments.batch)
        sources = {
            "NYUD-v2": NYUDv2(nyud, "train", ground_truth="benchmark"),
            "PASCAL-Context": PASCALContext(pascal, "train", cache=Path(folder) / "cache", ground_truth="benchmark"),
        }
        for title, source in sources.items():
            found = compare(source, arguments.batch, turns, device)
            for name, values in found.items():
                share = [a / b for a, b in zip(values, found["training"], strict=True)]
                print(f"| {title} | {name} | {spread(values)} | {spread(share)} |", flush=True)


if __name__ == "__main__":
    main()
