"""Predictions for pictures of one's own, drawn beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import torch

from fedhca.atomic import write_atomically
from fedhca.client.predictor import Predictor
from fedhca.data.colours import normalise
from fedhca.data.image import read_upright
from fedhca.errors import DataError, RecipeError
from fedhca.experiment.config import Recipe
from fedhca.report.gallery import prediction_row
from fedhca.report.sheet import sheet


@runtime_checkable
class Predicts(Protocol):
    """A run whose clients' models can be had: in one process, or as one site has it."""

    @property
    def recipe(self) -> Recipe:
        """What it was asked to do."""

    def predictor(self, name: str, /) -> Predictor:
        """Return one client's model."""


def draw_predictions(folder: Predicts, client: str, images: Sequence[Path], out: Path) -> list[Path]:
    """Draw what a client's newest model predicts for each picture; return the files written, OUT/NAME-CLIENT.png.

    A picture longer than the client's training size is shrunk to that, as it would look unlike anything the model
    has seen.

    Raises:
        RecipeError: there is no such client, or two pictures have one name.
        DataError: a picture is missing or cannot be read.
        RunFolderError: there is no checkpoint, or the drawing cannot be written.

    """
    names = [image.stem for image in images]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"Pictures should have different names. Found '{name}' twice. Draw them one by one.")
    for image in images:
        if not image.is_file():
            raise DataError(f"{image}: expected a picture; found none. Correct the path.")
    pictures = [read_upright(image) for image in images]
    predictor = folder.predictor(client)
    dataset = next(each.dataset for each in folder.recipe.roster if each.name == client)
    longest = max(folder.recipe.datasets[dataset].size)
    written = []
    for name, picture in zip(names, pictures, strict=True):
        factor = min(1.0, longest / max(picture.shape[:2]))
        height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) if factor < 1 else picture
        row = prediction_row(predictor, torch.from_numpy(normalise(small)), name)
        path = out / f"{name}-{client}.png"
        write_atomically(path, sheet([row], height=240))
        written.append(path)
    return written
