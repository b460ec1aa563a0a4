"""A first recipe of a few answers: commented, and valid."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedhca.data.described.dataset_description import read_dataset_description
from fedhca.data.described.files import PICTURES, files_of
from fedhca.data.picture_file import open_picture
from fedhca.errors import DataError, RecipeError, unknown

MODELS: Mapping[str, str] = {
    "tiny": """\
model:  # a small Swin from scratch: minutes on a CPU
  backbone: swin
  pretrained: false
  config: {embed_dim: 24, depths: [1, 1, 2, 1], num_heads: [1, 2, 4, 8], window_size: 4, drop_path_rate: 0.0}
  width: 32  # channels of the decoders
training:
  batch_size: 8
  learning_rate: 1e-3
  warmup_epochs: 2
""",
    "swin-t": """\
model:  # Swin-T with ImageNet weights, from the hub or a local folder: for a GPU
  backbone: microsoft/swin-tiny-patch4-window7-224
  pretrained: true
  width: 96  # channels of the decoders
training:
  batch_size: 8
  learning_rate: 1e-4
  warmup_epochs: 5
  workers: 4  # processes that load data
""",
}
LONGEST: Mapping[str, int] = {"tiny": 128, "swin-t": 512}
"""Pixels of the longer side of a picture, to which larger ones are shrunk."""
STEP = 32
"""Sizes are rounded up to multiples of it: a pyramid's last map has this stride."""


@dataclass(frozen=True)
class ClientDraft:
    """A client of the recipe, or several of a kind.

    Attributes:
        name: of the client.
        dataset: where its pictures are from.
        tasks: that it trains.
        count: how many there are.

    """

    name: str
    dataset: str
    tasks: Sequence[str]
    count: int = 1


def client_draft(word: str) -> ClientDraft:
    """Take a client in one word apart; RecipeError if it is none.

    >>> client_draft("hospital=scans:depth+edge*2")
    ClientDraft(name='hospital', dataset='scans', tasks=['depth', 'edge'], count=2)
    """
    name, equals, rest = word.partition("=")
    dataset, colon, rest = rest.partition(":")
    tasks, star, count = rest.partition("*")
    if not (equals and colon and name and dataset and tasks) or (star and not count.isdecimal()):
        raise RecipeError(f"A client should be NAME=DATASET:TASK+TASK, and *COUNT for several. Found '{word}'.")
    return ClientDraft(name, dataset, tasks.split("+"), int(count) if star else 1)


def draft_recipe(
    folders: Mapping[str, Path],
    seats: Sequence[ClientDraft],
    *,
    method: str = "fedhca2",
    rounds: int = 20,
    model: str = "tiny",
) -> str:
    """Return the text of a recipe.

    Args:
        folders: the data sets, by name.
        seats: the clients.
        method: how the server mixes.
        rounds: of the federation.
        model: its size, one of `MODELS`.

    Raises:
        RecipeError: there is no model of that size.
        DataError: a folder says nothing of itself, or has no pictures.

    """
    if model not in MODELS:
        raise RecipeError(unknown("size of model", model, MODELS))
    lines = ["datasets:"]
    for name, root in folders.items():
        size, shrink = fitting(picture_sizes(root), LONGEST[model])
        tasks = read_dataset_description(root).tasks
        lines += [
            f"  {name}:",
            "    kind: folder",
            f"    root: {json.dumps(str(root.absolute()), ensure_ascii=False)}",
            f"    # tasks it has labels for: {', '.join(tasks)}",
            f"    size: {json.dumps(size)}  # height and width that pictures are cropped and padded to",
        ]
        if shrink < 1:
            lines.append(f"    shrink: {shrink}  # pictures and labels are made so much smaller first")
        lines.append("    local_epochs: 1  # epochs a client trains per round")
    lines.append("clients:  # each data set's training pictures are shared out among its clients")
    for each in seats:
        count = f", count: {each.count}" if each.count > 1 else ""
        lines.append(f"  - {{name: {each.name}, dataset: {each.dataset}, tasks: [{', '.join(each.tasks)}]{count}}}")
    described = "; ".join(f"{each.name}: {', '.join(each.tasks)}" for each in seats)
    head = [
        f"description: {json.dumps(described[:200])}",
        "seed: 0",
        f"rounds: {rounds}",
        f"evaluate_every: {max(1, rounds // 4)}",
        f"method: {method}  # `fedhca ls` lists them; `local` trains alone",
    ]
    return "\n".join(head) + "\n" + MODELS[model] + "\n".join(lines) + "\n"


def picture_sizes(root: Path) -> Counter[tuple[int, int]]:
    """Return the pictures of each height and width in a folder, from their heads; DataError where one has none."""
    sizes: Counter[tuple[int, int]] = Counter()
    for path in files_of(root, read_dataset_description(root).images, PICTURES).values():
        try:
            with open_picture(path) as image:
                turned = image.getexif().get(0x0112, 1) >= 5
                sizes[(image.width, image.height) if turned else (image.height, image.width)] += 1
        except Exception as cause:  # a broken file can make the decoders raise nearly anything
            raise DataError(f"{path}: expected a picture; found none. See: fedhca data check {root}.") from cause
    if not sizes:
        raise DataError(f"{root}: expected pictures; found none. Put them in a folder images.")
    return sizes


def fitting(sizes: Mapping[tuple[int, int], int], longest: int) -> tuple[list[int], float]:
    """Return the `size` that all pictures fit in, and how much to shrink them before.

    >>> fitting({(480, 640): 9, (640, 400): 1}, 128)
    ([128, 128], 0.2)
    """
    height, width = max(y for y, _ in sizes), max(x for _, x in sizes)
    shrink = min(1.0, math.floor(longest / max(height, width) * 1000) / 1000)
    shrink = max(shrink, 0.001)
    return [math.ceil(max(1, round(side * shrink)) / STEP) * STEP for side in (height, width)], shrink
