"""What the models see: input, truth and predictions side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from fedhca.client.client import Client
from fedhca.data.colours import unnormalise
from fedhca.report.sheet import Tile
from fedhca.tasks.task import IGNORE, Task


@torch.no_grad()
def predictions(client: Client, image: Float[Tensor, "3 y x"]) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Return the client's prediction of every task for one normalised picture."""
    was_training = client.model.training
    client.model.eval()
    outputs = client.model(image[None].to(client.device))
    client.model.train(was_training)
    return {task.name: task.predict(outputs[task.name].float())[0].cpu().numpy() for task in client.tasks}


def prediction_row(client: Client, image: Float[Tensor, "3 y x"], name: str) -> list[Tile]:
    """Return the picture and what the client predicts for it, one tile a task."""
    found = predictions(client, image)
    drawn = [Tile(f"{task.name}", task.draw(found[task.name])) for task in client.tasks]
    return [Tile(name, unnormalise(image.numpy())), *drawn]


def comparison_rows(clients: Mapping[str, Client], pictures: Sequence[int]) -> list[list[Tile]]:
    """Return one row per task and test picture: the picture, the truth, and each method's prediction.

    Args:
        clients: the same client under several methods, by method.
        pictures: indices into its test set.

    """
    first = next(iter(clients.values()))
    rows = []
    for index in pictures:
        sample = first.test_set[index]
        found = {method: predictions(client, sample["image"]) for method, client in clients.items()}
        for task in first.tasks:
            truth = sample[task.name].numpy()
            columns = {"truth": truth, **{method: values[task.name] for method, values in found.items()}}
            tiles = [Tile(name, _draw(task, values, truth)) for name, values in columns.items()]
            rows.append([Tile(f"{first.name} {task.name}", unnormalise(sample["image"].numpy())), *tiles])
    return rows


def telling_picture(client: Client, tries: int = 16) -> int:
    """Return the index of the test picture, among the first few, with labels on the most pixels."""
    count = min(tries, len(client.test_set))
    labelled = [_labelled(client, index) for index in range(count)]
    return int(np.argmax(labelled))


def _labelled(client: Client, index: int) -> float:
    """Return the share of pixels with a label, and again of those with one other than background."""
    sample = client.test_set[index]
    total = 0.0
    for task in client.tasks:
        valid = sample[task.name] != IGNORE
        total += float(valid.float().mean() + (valid & (sample[task.name] != 0)).float().mean())
    return total


def _draw(task: Task, values: Shaped[np.ndarray, "..."], truth: Shaped[np.ndarray, "..."]) -> np.ndarray:
    """Draw what counts: where the truth has no label, so does the drawing."""
    hidden = np.where(truth == IGNORE, np.asarray(IGNORE, dtype=values.dtype), values)
    return task.drawn_like(truth).draw(hidden)
