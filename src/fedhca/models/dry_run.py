"""What a module of one's own is: found out by running it once on a small picture, before anything is trained."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fedhca.errors import RecipeError

PICTURES, SIDE = 2, 64
"""How many pictures, and of which size; two, so that a module that loses count of them is found."""

Named = dict[str, nn.Parameter]
"""Parameters that a gradient reaches, which are those that travel, by name."""


def try_encoder(found: object) -> tuple[list[Float[Tensor, "b _ _ _"]], Named]:
    """Return an encoder's maps of black pictures, and what of it a gradient reaches.

    Raises:
        RecipeError: it is no encoder, see `fedhca.models.Encoder`.

    """
    encoder = _module(found, "An encoder")
    channels = getattr(encoder, "channels", None)
    if not isinstance(channels, Sequence) or not all(isinstance(each, int) for each in channels) or not channels:
        expected = "An encoder should have `channels`, a number for each of its maps from the largest to the smallest"
        raise RecipeError(f"{expected}. Found {channels!r} in {type(encoder).__name__}.")
    device = next((each.device for each in encoder.parameters()), torch.device("cpu"))
    pictures = torch.zeros(PICTURES, 3, SIDE, SIDE, device=device)
    with _at_rest(encoder):
        maps = _run(lambda: encoder(pictures), encoder, f"pictures {[*pictures.shape]}")
        fits = isinstance(maps, Sequence) and all(isinstance(each, Tensor) and each.dim() == 4 for each in maps)
        if not fits or [each.shape[:2] for each in maps] != [(PICTURES, width) for width in channels]:
            expected = f"maps of {list(channels)} channels, as its `channels` say"
            raise RecipeError(f"{type(encoder).__name__} should return a list of {expected}. Found {_shapes(maps)}.")
        named = _reached(encoder, torch.stack([each.sum() for each in maps]).sum(), "encoder")
    return [each.detach() for each in maps], named


def try_decoder(made: object, maps: Sequence[Float[Tensor, "b _ _ _"]], width: int) -> Named:
    """Return what of a decoder a gradient reaches; modules that are built when they are first run are then built.

    Raises:
        RecipeError: it is no decoder, see `fedhca.models.MakeDecoder`.

    """
    decoder = _module(made, "A decoder")
    device = next((each.device for each in decoder.parameters()), maps[0].device)
    given = [each if each.device == device else each.to(device) for each in maps]
    with _at_rest(decoder):
        found = _run(lambda: decoder(given), decoder, f"maps {_shapes(maps)}")
        if not isinstance(found, Tensor) or found.dim() != 4 or found.shape[:2] != (PICTURES, width):
            expected = f"one map [{PICTURES}, {width}, y, x], of the `width` it is made with"
            raise RecipeError(f"{type(decoder).__name__} should return {expected}. Found {_shapes(found)}.")
        return _reached(decoder, found.sum(), "decoder")


def require_apart(parts: Sequence[Named]) -> None:
    """Raise RecipeError if one parameter is in two parts of a model: it would be mixed twice, and differently."""
    seen: set[nn.Parameter] = set()
    for named in parts:
        twice = next((name for name, each in named.items() if each in seen), None)
        if twice is not None:
            expected = "Encoder and decoders should have parameters of their own; make a new decoder at every call"
            raise RecipeError(f"{expected}. Found `{twice}` in two of them.")
        seen.update(named.values())


@contextmanager
def _at_rest(module: nn.Module) -> Iterator[None]:
    """Run a module without touching running statistics, and leave it as it was; gradients are on, whoever asks."""
    training = module.training
    module.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        module.train(training)


def _run(forward: Callable[[], Any], module: nn.Module, given: str) -> Any:
    try:
        return forward()
    except Exception as error:  # whatever a stranger's module raises; the user needs one line
        cause = " ".join(str(error).split()) or type(error).__name__
        raise RecipeError(f"{type(module).__name__} should take {given}. Found an error: {cause}.") from error


def _reached(module: nn.Module, total: Tensor, part: str) -> Named:
    named = {name: each for name, each in module.named_parameters() if each.requires_grad}
    reached = [False] * len(named)
    if total.requires_grad and named:
        gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
        reached = [gradient is not None for gradient in gradients]
    if not any(reached):
        expected = f"{type(module).__name__}, as {part}, should have parameters that a gradient reaches"
        raise RecipeError(f"{expected}. Found {len(named)} that require one, and none that it reaches.")
    return dict(compress(named.items(), reached))


def _module(found: object, who: str) -> nn.Module:
    if not isinstance(found, nn.Module):
        raise RecipeError(f"{who} should be a torch.nn.Module. Found {type(found).__name__}.")
    return found


def _shapes(found: object) -> str:
    """Say the shapes of tensors, and the kind of anything else."""
    if isinstance(found, Tensor):
        return str([*found.shape])
    if isinstance(found, list | tuple):
        return f"[{', '.join(map(_shapes, found))}]"
    return type(found).__name__
