"""A model as a folder that stands alone.

DIR/model.safetensors      all numbers
DIR/config.json            what the model is
DIR/README.md              the card, where the model was exported from a run
DIR/model.onnx             the model as a graph, where it was asked for
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from fedhca.errors import ModelFolderError, one_line
from fedhca.models.client_model import LEAST, ClientModel
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.sharing import model_description, weights
from fedhca.sharing.encoder_config import encoder_of, encoder_settings
from fedhca.sharing.model_description import (
    OWN,
    ModelDescription,
    Pictures,
    own_version,
    read_model_description,
    task_part,
)
from fedhca.storage.atomic import write_atomically
from fedhca.tasks.task import Task

MOST_STEPS = 15_000
"""Operations of PyTorch: Swin-T is made, and run twice, in three thousand."""

MOST_NUMBERS = 2**30
"""Of one tensor: 4 GB in float32."""


class Limits(TorchDispatchMode):
    """While it is entered, tensors have no memory; ValueError as soon as there are too many, or one is too large.

    What is made within has names, shapes and kinds of numbers, and nothing else, so that a description can be held
    against a file before anything is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.device = torch.device("meta")

    def __enter__(self) -> "Limits":
        self.device.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        super().__exit__(*reason)
        self.device.__exit__(*reason)

    def __torch_dispatch__(self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do one operation, and look at what comes of it."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ValueError(f"it takes more than {MOST_STEPS} steps to build")
        made = function(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else (made,):
            if isinstance(each, Tensor) and each.numel() > MOST_NUMBERS:
                raise ValueError(f"a tensor has more than {MOST_NUMBERS} numbers, {list(each.shape)}")
        return made


CARD, GRAPH = "README.md", "model.onnx"


Model = tuple[str, ClientModel, Sequence[Task], tuple[int, int], Mapping[str, Sequence[str]]]
"""Whose it is, the model, its tasks, the size of its pictures, and names of classes, where they are known."""


def save(
    folder: Path,
    client: str,
    model: ClientModel,
    tasks: Sequence[Task],
    size: tuple[int, int],
    classes: Mapping[str, Sequence[str]],
) -> ModelDescription:
    """Write a model's numbers and what it is; return the latter.

    What else a model had that was in the folder, its card and its graph, goes: it would be of another.

    Raises:
        ModelFolderError: the folder holds something else, or a number of the model is not finite.
        RunFolderError: it cannot be written.

    """
    weights.require_finite_weights(model)
    _make_room(folder)
    described = ModelDescription(
        fedhca=own_version(),
        client=client,
        tasks=[task_part(task) for task in tasks],
        encoder=encoder_settings(model.encoder) or "own",
        decoder="fedhca" if model.make_decoder is Decoder else "own",
        width=model.width,
        classes={name: [*names] for name, names in classes.items()},
        pictures=Pictures(size=[*size]),
    )
    weights.save_weights(folder / weights.FILE, model)
    write_atomically(folder / model_description.FILE, described.to_json())
    return described


def is_model(folder: Path) -> bool:
    """Return whether a folder is that of a model."""
    return (folder / model_description.FILE).is_file()


def _make_room(folder: Path) -> None:
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        read_model_description(folder / model_description.FILE)
    except ModelFolderError:
        expected = f"'{folder}' should be empty, or hold a model that fedhca exported"
        raise ModelFolderError(f"{expected}. Found something else. Choose another folder.") from None
    for name in (CARD, GRAPH):
        (folder / name).unlink(missing_ok=True)


def load_model(
    folder: Path, *, tasks: Sequence[Task] = (), encoder: nn.Module | None = None, decoder: MakeDecoder | None = None
) -> Model:
    """Load a model; arguments and errors as in `Predictor.from_pretrained`."""
    path = folder / model_description.FILE
    described = read_model_description(path)
    found = described.tasks_with(tasks, path)
    _require_own(path, "encoder", described.encoder == OWN, encoder)
    _require_own(path, "decoder", described.decoder == OWN, decoder)
    size = (described.pictures.size[0], described.pictures.size[1])
    model = None if encoder is not None else _built(path, described, found, size)
    if model is None or decoder is not None:
        model = _with(path, encoder, described, found, decoder or Decoder)
    weights.load_weights(folder / weights.FILE, model)
    return described.client, model, found, size, described.classes


def _require_own(path: Path, part: str, needed: bool, given: object) -> None:
    """Raise unless what has to be handed over is, and nothing else."""
    if needed and given is None:
        expected = f"'{path}' has an {part}" if part[0] in "aeiou" else f"'{path}' has {part}s"
        how = f"as it was to make the model: from_pretrained(…, {part}=…)"
        raise ModelFolderError(f"{expected} of somebody's own, which has to be handed over, {how}. Found none.")
    if not needed and given is not None:
        raise ModelFolderError(f"'{path}' describes its {part}, so none should be handed over. Found one.")


def _built(path: Path, described: ModelDescription, tasks: Sequence[Task], size: tuple[int, int]) -> ClientModel:
    """Build a model without memory, as a file from elsewhere describes it, and see that it would run."""
    assert isinstance(described.encoder, dict)
    try:
        with Limits(), torch.no_grad():
            model = ClientModel(encoder_of(described.encoder), tasks, width=described.width).eval()
            largest, *others = model.encoder(torch.zeros(1, 3, *size))
            torch.zeros(1, (1 + len(others)) * described.width, *largest.shape[-2:])  # what a decoder makes of them
            for task, part in zip(tasks, described.tasks, strict=True):
                torch.zeros(1, task.channels, *size)
                if part.kind != OWN:
                    _try(task, model.heads[task.name], described.width)
    except Exception as error:  # a layer raises whatever it likes where its numbers do not fit together
        cause = one_line(str(error), 300) or type(error).__name__
        raise ModelFolderError(f"'{path}' should describe a model. Found: {cause}. Export the model again.") from None
    return model


def _try(task: Task, head: nn.Module, width: int) -> None:
    """Have a task predict and draw: its channels may not be those it can do with."""
    shape = head(torch.zeros(1, width, LEAST // 4, LEAST // 4)).shape
    with torch.device("cpu"):
        values = task.predict(torch.zeros(shape))[0].numpy()
    task.draw(values, np.zeros((LEAST, LEAST, 3), np.uint8))


def _with(
    path: Path, encoder: nn.Module | None, described: ModelDescription, tasks: Sequence[Task], decoder: MakeDecoder
) -> ClientModel:
    """Build a model of which somebody handed a part over; what the file describes of it has been looked at."""
    own = "encoder" if encoder is not None else "decoder"
    try:
        made = copy.deepcopy(encoder) if encoder is not None else encoder_of(described.encoder)  # type: ignore[arg-type]
        return ClientModel(made, tasks, width=described.width, make_decoder=decoder).eval()
    except Exception as error:  # it is somebody's own
        found = one_line(str(error), 300) or type(error).__name__
        raise ModelFolderError(f"The {own} for '{path}' should be that of the model. Found: {found}") from None
