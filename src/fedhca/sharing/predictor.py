"""A trained model and its tasks: pictures in, whatever they are given as, and predictions out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional

from fedhca.data.colours import normalise
from fedhca.data.image import PHOTOGRAPHS, read_upright
from fedhca.data.picture_file import MAX_PIXELS
from fedhca.errors import DataError
from fedhca.models.client_model import ClientModel
from fedhca.models.decoder import MakeDecoder
from fedhca.sharing.hub import found_or_fetched
from fedhca.sharing.model_folder import load_model, save
from fedhca.tasks.task import Task

Picture = str | Path | Image.Image | np.ndarray
"""A file, a PIL image, or an array uint8 [y, x, 3]."""


def rgb(picture: Picture) -> UInt8[np.ndarray, "y x 3"]:
    """Return a picture's colours, turned as the camera held it.

    Raises:
        DataError: it is no picture, or there is no such file.

    """
    if isinstance(picture, np.ndarray):
        return _array(picture)
    if isinstance(picture, Image.Image):
        return _image(picture)
    path = Path(picture)
    if not path.is_file():
        raise DataError(f"{path}: expected a picture; found none. Correct the path.")
    return read_upright(path)


def shrunk(picture: UInt8[np.ndarray, "_ _ 3"], longest: int) -> UInt8[np.ndarray, "y x 3"]:
    """Return a picture with no side longer than this: itself, or each pixel the mean of those it covers."""
    factor = min(1.0, longest / max(picture.shape[:2]))
    if factor == 1:
        return picture
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _array(picture: np.ndarray) -> UInt8[np.ndarray, "y x 3"]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        found = f"{picture.dtype} {list(picture.shape)}"
        raise DataError(f"A picture should be an array uint8 [y, x, 3] of RGB. Found {found}. Convert it.")
    return np.ascontiguousarray(picture)


def _image(picture: Image.Image) -> UInt8[np.ndarray, "y x 3"]:
    if picture.mode not in PHOTOGRAPHS or not 0 < picture.width * picture.height <= MAX_PIXELS:
        found = f"mode {picture.mode}, {picture.height} × {picture.width}"
        expected = f"colour mode {', '.join(PHOTOGRAPHS)}, and at most {MAX_PIXELS} pixels"
        raise DataError(f"A picture should be of {expected}. Found {found}. Convert it.")
    return np.array(ImageOps.exif_transpose(picture).convert("RGB"))


@dataclass(frozen=True)
class Predictor:
    """One client's model as its method keeps it, with the client's own heads and buffers.

    Attributes:
        client: whose model it is.
        model: in evaluation mode.
        tasks: of the client.
        size: height and width of the pictures it was trained on; larger ones are shrunk to its longer side.
        classes: names of a task's classes, where they are known.

    """

    client: str
    model: ClientModel
    tasks: Sequence[Task]
    size: tuple[int, int]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        tasks: Sequence[Task] = (),
        encoder: nn.Module | None = None,
        decoder: MakeDecoder | None = None,
        device: torch.device | str = "cpu",
        revision: str | None = None,
    ) -> "Predictor":
        """Load a model that was exported, on its own: no run and no data are needed.

        What is read is JSON and numbers; no code is ever run that a file names. So what is not of this package is
        handed over: a task, an encoder (untrained) or what makes decoders, as it was when the model was made.

        Args:
            source: a folder that `fedhca export` or `save_pretrained` wrote, or OWNER/NAME of the hub.
            tasks: those of the model's tasks that are of no kind of this package, found by name.
            encoder: the backbone, if it is one's own; copied.
            decoder: what makes decoders, if it is one's own; see `fedhca.models.MakeDecoder`.
            device: where to put the model.
            revision: branch, tag or commit on the hub; the newest if not given.

        Raises:
            ModelFolderError: a file is missing or broken, of another version, or names what is not there; or the hub
                cannot be reached.

        """
        place = found_or_fetched(source, revision)
        client, model, found, size, classes = load_model(place, tasks=tasks, encoder=encoder, decoder=decoder)
        return cls(client, model.to(device).eval(), found, size, classes)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the model to a folder for `from_pretrained`, and return it; `fedhca export` adds a card.

        Raises:
            RunFolderError: the folder cannot be written.

        """
        save(Path(folder), self.client, self.model, self.tasks, self.size, self.classes)
        return Path(folder)

    @torch.no_grad()
    def predict(self, picture: Picture | Float[Tensor, "3 y x"]) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the prediction of every task, in its label's units and shape, at the picture's size.

        A picture larger than those of training is shrunk first, as it would look unlike anything the model has seen;
        what the model puts out for it is brought to the picture's size before it becomes a prediction.

        Args:
            picture: a file, a PIL image, an array uint8 [y, x, 3]; or, as data sets have them, a normalised tensor,
                which is taken as it is.

        Raises:
            DataError: it is no picture, or there is no such file.

        """
        if isinstance(picture, Tensor):
            return self._predicted(picture, (picture.shape[1], picture.shape[2]))
        colours = rgb(picture)
        return self._predicted(torch.from_numpy(normalise(self.fitted(colours))), (colours.shape[0], colours.shape[1]))

    def draw(self, picture: Picture) -> dict[str, Image.Image]:
        """Return a drawing of every task's prediction, at the picture's size; arguments and errors as in `predict`."""
        colours = rgb(picture)
        found = self.predict(colours)
        return {task.name: Image.fromarray(task.draw(found[task.name], colours)) for task in self.tasks}

    def fitted(self, picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return a picture as the model is shown it: no side longer than the longer one of training."""
        return shrunk(picture, max(self.size))

    def _predicted(self, image: Float[Tensor, "3 _ _"], size: tuple[int, int]) -> dict[str, np.ndarray]:
        device = next(self.model.parameters()).device
        outputs = self.model(image[None].to(device))
        shown = tuple(image.shape[-2:])
        return {
            task.name: task.predict(_at(outputs[task.name].float(), shown, size))[0].cpu().numpy()
            for task in self.tasks
        }


def _at(output: Shaped[Tensor, "b ..."], shown: tuple[int, ...], size: tuple[int, int]) -> Shaped[Tensor, "b ..."]:
    """Return a map of what was shown at the picture's size; what is no map is as it was."""
    if shown == size or tuple(output.shape[-2:]) != shown:
        return output
    return functional.interpolate(output, size, mode="bilinear", align_corners=False)
