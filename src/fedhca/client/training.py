"""Local training of one round, task losses, the pull, AdamW and its learning rate; and sums over the test data."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fedhca.config.federation import Training
from fedhca.errors import ClientError
from fedhca.models.client_model import ClientModel
from fedhca.tasks.stats import Stat
from fedhca.tasks.task import Task


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up from `start` to `peak` over local epochs, then a cosine down to `final`.

    The rate is set *after* each epoch, as in the released code: after epoch e (from 0) of E it is

        f(e) = start + e (peak − start)/W                                while e < W
        f(e) = final + ½ (peak − final)(1 + cos π(e − W)/(E − W))        from then on

    so the first two epochs run at `start`, and epoch n at f(n − 1). Warm-up counts local epochs. In a run of W epochs
    or less it takes the first half of them, as the run would otherwise never come near its rate. A client that joins
    later has a schedule of its own from its first epoch to the end of the run, with e and E counted from there.

    Attributes:
        peak: the rate after warm-up.
        epochs: E, local epochs over all rounds.
        warmup: W, epochs of warm-up.
        start: rate of the first epoch; peak/800 if not given, as 1.25e-7 is of 1e-4.
        final: rate at the end; peak/80 if not given, as 1.25e-6 is of 1e-4.
        first: the client's first local epoch, counted from 0 over all rounds.

    """

    peak: float
    epochs: int
    warmup: int = 5
    start: float | None = None
    final: float | None = None
    first: int = 0

    @classmethod
    def of(cls, training: Training, epochs: int, first: int = 0) -> "Schedule":
        """Return the schedule of a client that trains for so many local epochs in all."""
        start, final = training.warmup_learning_rate, training.final_learning_rate
        return cls(training.learning_rate, epochs, training.warmup_epochs, start, final, first)

    def rate(self, epoch: int) -> float:
        """Return the rate a local epoch runs at, counted from 0 over all rounds."""
        return self.after(max(epoch - 1, self.first))

    def after(self, epoch: int) -> float:
        """Return the rate that is set after a local epoch: f above."""
        start = self.peak / 800 if self.start is None else self.start
        final = self.peak / 80 if self.final is None else self.final
        epoch, epochs = epoch - self.first, self.epochs - self.first
        warmup = self.warmup if epochs > self.warmup else (epochs - 1) // 2
        if epoch < warmup:
            return start + epoch * (self.peak - start) / warmup
        return final + (self.peak - final) / 2 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


@dataclass(frozen=True)
class Step:
    """One optimiser step, as it is watched: `step` of `steps` of this client's round, and its losses by task."""

    client: str
    round: int
    step: int
    steps: int
    losses: Mapping[str, float]


OnStep = Callable[[Step], None]


def optimise(
    model: ClientModel,
    tasks: Sequence[Task],
    optimiser: torch.optim.Optimizer,
    batches: Iterable[Mapping[str, Tensor]],
    *,
    pull: float = 0.0,
    anchor: Sequence[tuple[nn.Parameter, Tensor]] = (),
    frozen: Collection[nn.Parameter] = (),
    clip_norm: float | None = None,
    autocast: bool = False,
    where: str = "the client",
    to_the_end: bool = False,
) -> Iterator[dict[str, float]]:
    """Take one step per batch and yield the losses of each, by task and unweighted.

    The loss is Σ_t weight_t · loss_t. With a pull, λ(w − anchor) is added to the gradient after backward and before
    clipping and the step. Frozen parameters stay as they are: no gradient, no pull, no decay.

    Raises:
        ClientError: a loss is not finite; no step is taken with it, unless steps are taken `to_the_end`.

    """
    device = next(model.parameters()).device
    for batch in batches:
        here = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
        here["image"] = in_the_order_of(device, here["image"])
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
            outputs = model(here["image"])
        losses = {task.name: task.loss(outputs[task.name], here[task.name]) for task in tasks}
        values = dict(zip(losses, torch.stack([*losses.values()]).tolist(), strict=True))
        if not to_the_end:
            require_finite_losses(values, where)
        optimiser.zero_grad(set_to_none=True)
        torch.stack([task.weight * losses[task.name] for task in tasks]).sum().backward()
        for parameter in frozen:
            parameter.grad = None
        _add_pull(pull, anchor)
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimiser.step()
        yield values


def in_the_order_of(device: torch.device, image: Tensor) -> Tensor:
    """Return pictures with their colours side by side on CUDA, as its convolutions want them; elsewhere as they are.

    Maps follow the picture through a convolutional encoder; decoders and heads have that order anyway.
    """
    return image.contiguous(memory_format=torch.channels_last) if device.type == "cuda" else image


@torch.no_grad()
def _add_pull(pull: float, anchor: Sequence[tuple[nn.Parameter, Tensor]]) -> None:
    if pull == 0:
        return
    for parameter, value in anchor:
        if parameter.grad is not None:
            parameter.grad.add_(parameter - value, alpha=pull)


def require_finite_losses(losses: Mapping[str, float], where: str) -> None:
    """Raise ClientError if a loss is NaN or infinite."""
    for task, value in losses.items():
        if not math.isfinite(value):
            mend = "Lower `learning_rate`, set `clip_norm`, or look at the labels."
            raise ClientError(f"The loss of task `{task}` should be finite. Found {value} at {where}. {mend}")


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter."""
    for group in optimiser.param_groups:
        group["lr"] = rate


@torch.no_grad()
def measure(model: ClientModel, tasks: Sequence[Task], batches: Iterable[Mapping[str, Tensor]]) -> dict[str, Stat]:
    """Add up each task's sums over the batches; the model is left in the mode it was in."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    totals: dict[str, Stat] = {}
    for batch in batches:
        outputs = model(in_the_order_of(device, batch["image"].to(device, non_blocking=True)))
        for task in tasks:
            found = task.measure(outputs[task.name].float(), batch[task.name].to(device, non_blocking=True))
            totals[task.name] = totals[task.name] + found if task.name in totals else found
    model.train(was_training)
    return totals
