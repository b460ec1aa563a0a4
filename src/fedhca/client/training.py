"""Local training of one round: task losses, the pull, AdamW."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fedhca.errors import ClientError
from fedhca.models.client_model import ClientModel
from fedhca.tasks.task import Task


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
            require_finite(values, where)
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


def require_finite(losses: Mapping[str, float], where: str) -> None:
    """Raise ClientError if a loss is NaN or infinite."""
    for task, value in losses.items():
        if not math.isfinite(value):
            mend = "Lower `learning_rate`, set `clip_norm`, or look at the labels."
            raise ClientError(f"The loss of task `{task}` should be finite. Found {value} at {where}. {mend}")


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter."""
    for group in optimiser.param_groups:
        group["lr"] = rate
