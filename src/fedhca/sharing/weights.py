"""model.safetensors: all numbers of a model, by the names that its modules have for them."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from fedhca.errors import ModelFolderError, RunFolderError, one_line
from fedhca.parameters import not_finite
from fedhca.tensor_file import NAMES, load_shapes, load_tensors, save_tensors

FILE = "model.safetensors"
MEND = "Copy the folder again, or export the model again."


def save_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and buffers, those too that PyTorch does not save.

    Raises:
        ModelFolderError: a number is not finite.
        RunFolderError: it cannot be done.

    """
    if broken := not_finite(_named(model)):
        mend = "The run went wrong: export another client, or run it anew."
        raise ModelFolderError(f"The model's `{broken}` should be finite. Found NaN or infinity. {mend}")
    save_tensors(path, _named(model), {})


def load_weights(path: Path, model: nn.Module) -> None:
    """Put the numbers of a file into a model, which may be one without memory so far.

    Nothing is read before names, shapes and kinds of numbers have been found to be the model's.

    Raises:
        ModelFolderError: the file is missing, cut short, altered, or of another model; or a number is not finite.

    """
    try:
        _require_fit(path, load_shapes(path, MEND), model)
        tensors, _ = load_tensors(path, MEND)
    except RunFolderError as error:
        raise ModelFolderError(str(error)) from None
    if broken := not_finite(tensors):
        raise ModelFolderError(f"'{path}': `{broken}` should be finite. Found NaN or infinity. {MEND}")
    _put(tensors, model)


def _named(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _require_fit(path: Path, found: Mapping[str, tuple[str, tuple[int, ...]]], model: nn.Module) -> None:
    own = {name: (NAMES.get(tensor.dtype, "?"), tuple(tensor.shape)) for name, tensor in _named(model).items()}
    for name in [*own, *sorted(found.keys() - own.keys())]:
        if found.get(name) != own.get(name):
            expected = f"'{path}' should hold the model of its config.json, `{one_line(name, 200)}` as"
            raise ModelFolderError(f"{expected} {_words(own.get(name))}. Found {_words(found.get(name))}. {MEND}")


def _words(kind: tuple[str, tuple[int, ...]] | None) -> str:
    return "nothing" if kind is None else f"{kind[0]} {list(kind[1])}"


def _put(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        module, _, last = name.rpartition(".")
        value = nn.Parameter(tensor, parameters[name].requires_grad) if name in parameters else tensor
        setattr(model.get_submodule(module), last, value)
    rest = [name for name, each in [*model.named_parameters(), *model.named_buffers()] if each.is_meta]
    if rest:
        raise ModelFolderError(f"The model should be whole. Found no numbers for `{rest[0]}`, which two layers share.")
