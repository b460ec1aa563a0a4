"""Predictions for pictures of one's own: drawn beside them, or as numbers."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from PIL import Image
from torch import Tensor

from fedhca.data.colours import normalise, unnormalise
from fedhca.errors import RecipeError
from fedhca.report.image_grid import Tile, png, sheet
from fedhca.sharing.predictor import Predictor, rgb
from fedhca.storage.atomic import write_atomically


def draw_predictions(predictor: Predictor, images: Sequence[Path], out: Path) -> list[Path]:
    """Draw what a model predicts for each picture; return the files written, OUT/NAME-CLIENT.png.

    Raises:
        RecipeError: two pictures have one name.
        DataError: a picture is missing or cannot be read.
        RunFolderError: the drawing cannot be written.

    """
    written = []
    for name, picture in _pictures(images):
        row = prediction_row(predictor, torch.from_numpy(normalise(predictor.fitted(picture))), name)
        path = out / f"{name}-{predictor.client}.png"
        write_atomically(path, sheet([row], height=240))
        written.append(path)
    return written


def prediction_row(predictor: Predictor, image: Float[Tensor, "3 y x"], name: str) -> list[Tile]:
    """Return the picture and what the client predicts for it, one tile a task."""
    found = predictor.predict(image)
    picture = unnormalise(image.numpy())
    drawn = [Tile(task.name, task.draw(found[task.name], picture)) for task in predictor.tasks]
    return [Tile(name, picture), *drawn]


def write_predictions(predictor: Predictor, images: Sequence[Path], out: Path) -> list[Path]:
    """Write what a model predicts as numbers, at each picture's size; return the files, OUT/NAME-CLIENT-TASK.….

    Maps of classes become an index picture (.png), maps of real numbers an array (.npy) float32 [y, x] or [c, y, x]
    in the label's unit, and what is no map .json; errors as in `draw_predictions`.
    """
    written = []
    for name, picture in _pictures(images):
        for task, values in predictor.predict(picture).items():
            suffix, content = _as_file(values, (picture.shape[0], picture.shape[1]))
            path = out / f"{name}-{predictor.client}-{task}{suffix}"
            write_atomically(path, content)
            written.append(path)
    return written


def _pictures(images: Sequence[Path]) -> list[tuple[str, UInt8[np.ndarray, "_ _ 3"]]]:
    """Read all pictures before anything is written."""
    names = [image.stem for image in images]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"Pictures should have different names. Found '{name}' twice. Do them one by one.")
    return [(image.stem, rgb(image)) for image in images]


def _as_file(values: Shaped[np.ndarray, "..."], size: tuple[int, int]) -> tuple[str, bytes]:
    is_map, is_whole = values.shape[-2:] == size, np.issubdtype(values.dtype, np.integer)
    if is_map and is_whole and values.ndim == 2 and values.max(initial=0) <= np.iinfo(np.uint8).max:
        return ".png", png(Image.fromarray(values.astype(np.uint8)))
    if is_map:
        file = io.BytesIO()
        np.save(file, values if is_whole else values.astype(np.float32), allow_pickle=False)
        return ".npy", file.getvalue()
    return ".json", (json.dumps(values.tolist()) + "\n").encode()
