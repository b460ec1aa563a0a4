"""What stays home between rounds: heads, buffers, the optimiser's moments, and what a method's rule keeps beside."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fedhca.models.client_model import ClientModel
from fedhca.storage.tensor_file import under
from fedhca.wire.messages import Keeps
from fedhca.wire.parameters import Parameters

MOMENTS = "optimiser/"
"""What names of the optimiser's moments begin with."""


def home_tensors(model: ClientModel, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return heads and whatever else does not travel, buffers and moments by name."""
    named: dict[str, Tensor] = {f"parameter/{name}": each for name, each in model.home.items()}
    named |= {f"buffer/{name}": each for name, each in model.named_buffers()}
    for name, parameter in model.named_parameters():
        moments = optimiser.state.get(parameter, {})
        named |= {f"{MOMENTS}{name}/{key}": value for key, value in moments.items()}
    return named


@torch.no_grad()
def load_home_tensors(
    tensors: Mapping[str, Tensor], model: ClientModel, optimiser: torch.optim.Optimizer, *, moves: bool = False
) -> None:
    """Put back what `home_tensors` returned; with `moves` the very moments are taken over, not copies of them."""
    scatter_home(tensors, model)
    optimiser.state.clear()
    parameters = dict(model.named_parameters())
    for name, value in under(MOMENTS, tensors).items():
        whose, _, key = name.rpartition("/")
        parameter = parameters[whose]
        # All of them lie beside the parameter: fused AdamW counts its steps there, too.
        optimiser.state[parameter][key] = value.to(parameter.device, copy=not moves)


@torch.no_grad()
def scatter_home(tensors: Mapping[str, Tensor], model: ClientModel) -> None:
    """Put back heads and buffers alone: all that a prediction needs beside what travels."""
    for name, parameter in model.home.items():
        parameter.copy_(tensors[f"parameter/{name}"])
    for name, buffer in model.named_buffers():
        buffer.copy_(tensors[f"buffer/{name}"])


def scatter_kept(tensors: Mapping[str, Tensor], model: ClientModel, keeps: Keeps, received: Parameters) -> None:
    """Make the model the one a method keeps in the end: that handed out, that last trained, or one's own."""
    kept = unpack_parameters(f"{keeps}/", tensors)
    scatter_home(under("own/", tensors) if keeps == "own" else tensors, model)
    model.install(received if kept is None else kept)


def pack_parameters(prefix: str, parameters: Parameters) -> dict[str, Tensor]:
    """Return what travels as tensors with names."""
    return {f"{prefix}encoder": parameters.encoder, f"{prefix}decoders": parameters.decoders}


def unpack_parameters(
    prefix: str, tensors: Mapping[str, Tensor], device: torch.device | None = None
) -> Parameters | None:
    """Return what `pack_parameters` packed, on the device if one is given; None where it is not there."""
    if f"{prefix}encoder" not in tensors:
        return None
    return Parameters(*(tensors[f"{prefix}{part}"].to(device) for part in ("encoder", "decoders")))
