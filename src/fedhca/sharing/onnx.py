"""The model as an ONNX graph, held against PyTorch in ONNX Runtime before it counts as written."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from fedhca.errors import ModelFolderError, one_line
from fedhca.extras import require_extra
from fedhca.models.client_model import ClientModel
from fedhca.sharing.model_description import OnnxGraph
from fedhca.storage.atomic import write_atomically
from fedhca.tasks.task import Task

OPSET = 20
IMAGE = "image"
TOLERANCE = 1e-3
"""How far an output may be from PyTorch's: as a share of the greatest one, or of 1 if that is larger."""


class Outputs(nn.Module):
    """The model's outputs in the order of its tasks; one for each picture, or several."""

    def __init__(self, model: ClientModel, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the output of every task."""
        found = self.model(image)
        return tuple(found[name] for name in self.names)


def write_graph(path: Path, model: ClientModel, tasks: Sequence[Task], size: tuple[int, int]) -> OnnxGraph:
    """Write the model as a graph for pictures of one size, any number at a time; return what it is.

    Raises:
        FedhcaError: what it needs is not installed.
        ModelFolderError: the model is none that can be a graph, or the graph's outputs are not the model's.

    """
    require_extra("onnx", "An ONNX graph")
    names = [task.name for task in tasks]
    if IMAGE in names:
        raise ModelFolderError(f"No task of a graph should be called `{IMAGE}`, as its input is. Found one.")
    outputs = Outputs(model, names).eval()
    device = next(model.parameters()).device
    content = _graph(outputs.cpu(), names, size)
    differences = _differences(content, outputs, names, size)
    model.to(device)
    write_atomically(path, content)
    shape = f"{size[0]}, {size[1]}"
    return OnnxGraph(
        opset=OPSET,
        inputs={IMAGE: f"float32 [b, 3, {shape}]"},
        outputs={task.name: f"float32 [b, {task.channels}, {shape}]" for task in tasks},
        differences=differences,
    )


def _graph(outputs: Outputs, names: list[str], size: tuple[int, int]) -> bytes:
    """Return the graph, without the exporter's notes, which name files of this machine."""
    import onnx  # noqa: PLC0415  as whoever imports this

    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                outputs,
                (torch.zeros(2, 3, *size),),
                dynamo=True,
                opset_version=OPSET,
                input_names=[IMAGE],
                output_names=names,
                dynamic_shapes=({0: torch.export.Dim("b")},),
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever a layer, or one of its own steps, does
        cause = one_line(str(error.__cause__ or error).strip().splitlines()[0], 300)
        raise ModelFolderError(f"The model should be one that ONNX can express. Found: {cause}") from error
    assert program is not None
    made = program.model_proto
    for part in (made, made.graph, *made.graph.node, *made.graph.value_info, *made.graph.input, *made.graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for function in made.functions:
        for part in (function, *function.node, *function.value_info):
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
    for tensor in made.graph.initializer:
        tensor.ClearField("doc_string")
        tensor.ClearField("metadata_props")
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def _differences(content: bytes, outputs: Outputs, names: list[str], size: tuple[int, int]) -> dict[str, float]:
    """Return the greatest difference of each output; ModelFolderError where one is too large."""
    import onnxruntime  # noqa: PLC0415  as above

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = dict.fromkeys(names, 0.0)
    generator = torch.Generator().manual_seed(0)
    for count in (1, 3):  # neither is the number that the graph was made with
        image = torch.randn(count, 3, *size, generator=generator)
        with torch.no_grad():
            expected = outputs(image)
        for name, one, other in zip(names, expected, session.run(names, {IMAGE: image.numpy()}), strict=True):
            apart = float((one - torch.from_numpy(other)).abs().max())
            found[name] = max(found[name], apart)
            allowed = TOLERANCE * max(1.0, float(one.abs().max()))
            if not apart <= allowed:
                what = f"The graph's output `{name}` should be within {allowed:.2g} of PyTorch's"
                raise ModelFolderError(f"{what}. Found {apart:.2g} apart. No model.onnx was written.")
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from saying what it does, and what it has not been given."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
