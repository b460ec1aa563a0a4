"""A model with its card, for others: written, and read back before anybody is told that it is there."""

from pathlib import Path

import numpy as np

from fedhca.errors import ModelFolderError
from fedhca.sharing import model_description
from fedhca.sharing.card import Provenance, card
from fedhca.sharing.model_description import OWN, ModelDescription
from fedhca.sharing.model_folder import CARD, GRAPH, save
from fedhca.sharing.predictor import Predictor
from fedhca.storage.atomic import write_atomically


def export_model(
    predictor: Predictor, origin: Provenance, folder: Path, *, license: str = "", onnx: bool = False
) -> ModelDescription:
    """Write a model to a folder that stands alone; return what it is.

    Args:
        predictor: the model.
        origin: where it is from.
        folder: a new one, or that of a model exported before.
        license: see `card`.
        onnx: whether to write model.onnx as well.

    Raises:
        ModelFolderError: the folder holds something else, or what was written is not what was to be.
        RunFolderError: it cannot be written.
        FedhcaError: what ONNX needs is not installed, or the graph does not do what the model does.

    """
    described = save(folder, predictor.client, predictor.model, predictor.tasks, predictor.size, predictor.classes)
    if onnx:
        from fedhca.sharing.onnx import write_graph  # noqa: PLC0415  seconds to load, for those who ask for it

        graph = write_graph(folder / GRAPH, predictor.model, predictor.tasks, predictor.size)
        described = described.model_copy(update={"onnx": graph})
        write_atomically(folder / model_description.FILE, described.to_json())
    write_atomically(folder / CARD, card(described, predictor.tasks, origin, license).encode())
    _read_back(predictor, folder, described)
    return described


def _read_back(predictor: Predictor, folder: Path, described: ModelDescription) -> None:
    """Raise ModelFolderError unless what was written predicts what the model does, to the last bit."""
    given = {
        "tasks": [task for task, part in zip(predictor.tasks, described.tasks, strict=True) if part.kind == OWN],
        "encoder": predictor.model.encoder if described.encoder == OWN else None,
        "decoder": predictor.model.make_decoder if described.decoder == OWN else None,
    }
    device = next(predictor.model.parameters()).device
    found = Predictor.from_pretrained(folder, device=device, **given)  # type: ignore[arg-type]
    picture = np.random.default_rng(0).integers(0, 256, (*predictor.size, 3), dtype=np.uint8)
    one, other = predictor.predict(picture), found.predict(picture)
    for name, values in one.items():
        if not np.array_equal(values, other[name], equal_nan=np.issubdtype(values.dtype, np.floating)):
            mend = "It is of no use."
            raise ModelFolderError(f"'{folder}' should predict as the model does. Found another `{name}`. {mend}")
