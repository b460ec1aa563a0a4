"""What the models see: input, truth and predictions side by side."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from fedhca.client.samples import Batch
from fedhca.data.colours import unnormalise
from fedhca.report.sheet import Tile
from fedhca.sharing.predictor import Predictor
from fedhca.tasks.task import IGNORE, Task


def prediction_row(predictor: Predictor, image: Float[Tensor, "3 y x"], name: str) -> list[Tile]:
    """Return the picture and what the client predicts for it, one tile a task."""
    found = predictor.predict(image)
    picture = unnormalise(image.numpy())
    drawn = [Tile(task.name, task.draw(found[task.name], picture)) for task in predictor.tasks]
    return [Tile(name, picture), *drawn]


def comparison_rows(predictors: Mapping[str, Predictor], sample: Batch) -> list[list[Tile]]:
    """Return one row per task: the picture, the truth, and each method's prediction.

    Args:
        predictors: the same client under several methods, by method.
        sample: a test picture with its labels.

    """
    first = next(iter(predictors.values()))
    picture = unnormalise(sample["image"].numpy())
    found = {method: predictor.predict(sample["image"]) for method, predictor in predictors.items()}
    rows = []
    for task in first.tasks:
        truth = sample[task.name].numpy()
        columns = {"truth": truth, **{method: values[task.name] for method, values in found.items()}}
        like = task.drawn_like(truth)
        tiles = [Tile(name, like.draw(task.known(values, truth), picture)) for name, values in columns.items()]
        rows.append([Tile(f"{first.client} {task.name}", picture), *tiles])
    return rows


def telling(samples: Sequence[Batch], tasks: Sequence[Task], count: int) -> list[Batch]:
    """Return the samples that have labels, and labels other than background, on the most pixels."""
    return sorted(samples, key=lambda sample: -_labelled(sample, tasks))[:count]


def _labelled(sample: Batch, tasks: Sequence[Task]) -> float:
    total = 0.0
    for task in tasks:
        valid = sample[task.name] != IGNORE
        total += float(valid.float().mean() + (valid & (sample[task.name] != 0)).float().mean())
    return total
