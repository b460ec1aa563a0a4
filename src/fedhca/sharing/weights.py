"""model.safetensors: all numbers of a model, by the names that its modules have for them."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from fedhca.errors import ModelFolderError, RunFolderError, one_line
from fedhca.storage.tensor_file import NAMES, load_shapes, load_tensors, save_tensors
from fedhca.wire.parameters import not_finite

FILE = "model.safetensors"
FLOATS = {"F64", "F32", "F16", "BF16"}
MEND = "Copy the folder again, or export the model again."


def save_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and buffers, those too that PyTorch does not save; RunFolderError where it cannot be done."""
    save_tensors(path, _named(model), {})


def require_finite_weights(model: nn.Module) -> None:
    """Raise ModelFolderError if a number of a model is not finite."""
    if broken := not_finite(_named(model)):
        raise ModelFolderError(f"The model's `{broken}` should be finite. Found NaN or infinity. Train it anew.")


def load_weights(path: Path, model: nn.Module) -> None:
    """Put the numbers of a file into a model, which may be one without memory so far.

    Nothing is read before names, shapes and kinds of numbers have been found to be the model's. Floating-point numbers
    of another precision become the model's.

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
        if _kind(found.get(name)) != _kind(own.get(name)):
            expected = f"'{path}' should hold the model of its config.json, `{one_line(name, 200)}` as"
            raise ModelFolderError(f"{expected} {_words(own.get(name))}. Found {_words(found.get(name))}. {MEND}")


def _kind(kind: tuple[str, tuple[int, ...]] | None) -> tuple[str, tuple[int, ...]] | None:
    """Return a kind of numbers and their shape, all floating-point ones as one kind."""
    return kind and ("F" if kind[0] in FLOATS else kind[0], kind[1])


def _words(kind: tuple[str, tuple[int, ...]] | None) -> str:
    return "nothing" if kind is None else f"{kind[0]} {list(kind[1])}"


def _put(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    parameters, own = dict(model.named_parameters()), _named(model)
    for name, found in tensors.items():
        # Copied, so that it is aligned as the exported model's are: else some processors add up in another order.
        tensor = found.to(own[name].dtype, copy=True)
        module, _, last = name.rpartition(".")
        value = nn.Parameter(tensor, parameters[name].requires_grad) if name in parameters else tensor
        setattr(model.get_submodule(module), last, value)
    rest = [name for name, each in [*model.named_parameters(), *model.named_buffers()] if each.is_meta]
    if rest:
        raise ModelFolderError(f"The model should be whole. Found no numbers for `{rest[0]}`, which two layers share.")
