"""Pictures a second of local training, plain and ours: `python benchmarks/training.py [--device cuda] [--compile]`.

Swin-T with the four tasks of NYUD-v2, 512 × 512 pixels, batches of 8, by turns in one process. Plain is what a loop of
a dozen lines does: float32, AdamW parameter by parameter, the loss fetched at every step. Ours is a client's step:
bfloat16 autocast on CUDA, colours side by side, fused AdamW; `--compile` adds torch.compile.

The share of the matrix rate is that of multiplications in forward and backward (as torch's own counter finds them) a
second, over those a second of one product of 8192 × 8192 matrices in bfloat16 (float32 on the processor) measured in
the same run.
"""

import argparse
from collections.abc import Callable

import torch
from timing import seconds, spread
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fedhca.client.trainer import Trainer
from fedhca.config.federation import Training
from fedhca.data.nyud import nyud_tasks
from fedhca.models import ClientModel, backbone
from fedhca.wire.messages import LocalRule

Batch = dict[str, Tensor]
STEPS = 4
"""Of a turn: what a client does once a round (looking whether all is finite) is then a part of what it is in a run."""


def made_up(size: int, count: int, device: torch.device) -> Batch:
    """Return a batch of noise with labels."""
    draw = torch.Generator().manual_seed(0)
    shape = (count, size, size)
    batch = {
        "image": torch.randn(count, 3, size, size, generator=draw),
        "semseg": torch.randint(0, 40, shape, generator=draw),
        "normals": torch.nn.functional.normalize(torch.randn(count, 3, size, size, generator=draw), dim=1),
        "edge": (torch.rand(shape, generator=draw) < 0.05).float(),
        "depth": 1 + 8 * torch.rand(shape, generator=draw),
    }
    return {name: value.to(device) for name, value in batch.items()}


def model(device: torch.device) -> ClientModel:
    torch.manual_seed(0)
    return ClientModel(backbone("swin", pretrained=False), [*nyud_tasks().values()]).to(device)


def plain(device: torch.device) -> Callable[[Batch], None]:
    """Return a turn of steps as anybody would write them."""
    network, tasks = model(device), [*nyud_tasks().values()]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=1e-4, foreach=False)

    def turn(batch: Batch) -> None:
        for _ in range(STEPS):
            outputs = network(batch["image"])
            loss = torch.stack([task.weight * task.loss(outputs[task.name], batch[task.name]) for task in tasks]).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()

    return turn


def ours(device: torch.device, batch_size: int, compiled: bool) -> Callable[[Batch], None]:
    """Return a turn of a client's steps."""
    training = Training(batch_size=batch_size, compile=compiled)
    trainer = Trainer(model(device), [*nyud_tasks().values()], training)
    received = trainer.model.collect()

    def turn(batch: Batch) -> None:
        trainer.train([(1e-4, iter([batch] * STEPS))], STEPS, LocalRule(), received, where="the benchmark")

    return turn


def matrix_rate(device: torch.device) -> float:
    """Return multiplications and additions a second of one large product."""
    kind, width = (torch.bfloat16, 8192) if device.type == "cuda" else (torch.float32, 2048)
    one, other = (torch.randn(width, width, device=device, dtype=kind) for _ in range(2))
    times = [seconds(lambda: one @ other, device) for _ in range(10)]
    return 2 * width**3 / min(times)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    batch = made_up(arguments.size, arguments.batch, device)
    ways = {"plain": plain(device), "ours": ours(device, arguments.batch, compiled=False)}
    with FlopCounterMode(display=False) as counter:
        ways["plain"](batch)
    if arguments.compile:
        ways["ours, compiled"] = ours(device, arguments.batch, compiled=True)
    for step in ways.values():  # libraries choose their ways, and compilers work, in the first
        step(batch)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.turns):
        for name, step in ways.items():
            found[name].append(STEPS * arguments.batch / seconds(lambda step=step: step(batch), device))  # type: ignore[misc]
    best, work = matrix_rate(device), counter.get_total_flops() / (arguments.batch * STEPS)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{arguments.size} × {arguments.size} pixels, batches of {arguments.batch}, {device}, {where}\n")
    print("| | pictures /s | over plain | share of the matrix rate |\n| --- | ---: | ---: | ---: |")
    for name, values in found.items():
        over = [a / b for a, b in zip(values, found["plain"], strict=True)]
        print(f"| {name} | {spread(values)} | {spread(over)} | {spread([each * work / best for each in values])} |")


if __name__ == "__main__":
    main()
