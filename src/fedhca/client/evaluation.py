"""Evaluation: the sums of every task's metric over a client's test data."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from fedhca.client.training import in_the_order_of
from fedhca.models.client_model import ClientModel
from fedhca.stats import Stat
from fedhca.tasks.task import Task


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
