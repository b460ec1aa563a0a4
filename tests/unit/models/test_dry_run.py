"""Encoders and decoders of one's own: what of them travels, and the one line for what is none."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fedhca.errors import RecipeError
from fedhca.models import ClientModel
from fedhca.wire.parameters import Parameters
from tiny import TASKS, WIDTH, encoder, equal, same_bits, same_parameters


class Odd(nn.Module):
    """Parameters without a dot, tied, frozen, unused, one built when first run, a buffer, and no normalising layer."""

    seen: Tensor

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.first = nn.Conv2d(channels[0], width, kernel_size=1)
        self.second = nn.LazyConv2d(width, kernel_size=1)
        self.twin = self.first
        self.fixed = nn.Parameter(torch.ones(width, 1, 1), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        if self.training:
            self.seen += 1
        small = functional.interpolate(self.second(maps[1]), maps[0].shape[-2:])
        return self.scale * (self.first(maps[0]) + self.twin(maps[0]) + small) * self.fixed


def model(*tasks: str, seed: int = 0, make_decoder: Any = Odd) -> ClientModel:
    chosen = [TASKS[task] for task in tasks or ("depth",)]
    return ClientModel(encoder(), chosen, width=WIDTH, seed=seed, make_decoder=make_decoder)


def test_layers_of_any_module_are_found_by_name() -> None:
    subject = model("depth", "semseg")
    layout = subject.decoder_layout
    assert [segment.name for segment in layout.segments] == [
        *("scale", "first.weight", "first.bias", "second.weight", "second.bias")
    ]
    assert layout.layers == ("scale", "first", "second")
    assert layout.norms == frozenset()
    at_home = {name for name in subject.home if name.startswith("decoders")}
    assert at_home == {f"decoders.{task}.{name}" for task in ("depth", "semseg") for name in ("fixed", "unused")}


def test_a_layer_built_when_first_run_starts_alike_for_every_task_client_and_run() -> None:
    drawn = torch.random.get_rng_state()
    rows = model("depth", "semseg").collect().decoders
    assert equal(rows[0], rows[1])
    assert equal(rows[0], model("edge").collect().decoders[0])
    assert not equal(rows[0], model("edge", seed=1).collect().decoders[0])
    assert torch.equal(drawn, torch.random.get_rng_state())


def test_so_does_one_of_an_encoder() -> None:
    class Lazy(nn.Module):
        channels = (4,)

        def __init__(self) -> None:
            super().__init__()
            self.only = nn.LazyConv2d(4, kernel_size=4, stride=4)

        def forward(self, image: Tensor) -> list[Tensor]:
            return [self.only(image)]

    one, other = (ClientModel(Lazy(), [TASKS["depth"]], width=WIDTH) for _ in range(2))
    assert [segment.name for segment in one.encoder_layout.segments] == ["only.weight", "only.bias"]
    assert same_parameters(one.collect(), other.collect())


def test_what_travels_comes_back_and_nothing_else_changes() -> None:
    subject = model("depth", "semseg").train()
    home = {name: each.detach().clone() for name, each in [*subject.home.items(), *subject.named_buffers()]}
    assert float(home["decoders.depth.seen"]) == 0  # a dry run is no training
    held = subject.collect()
    other = Parameters(torch.randn_like(held.encoder), torch.randn_like(held.decoders))
    subject.install(other)
    assert same_parameters(subject.collect(), other)
    assert same_bits(home, {n: each.detach() for n, each in [*subject.home.items(), *subject.named_buffers()]})
    assert subject(torch.zeros(1, 3, 32, 32))["depth"].shape == (1, 1, 32, 32)


class Plain(nn.Module):
    """Does whatever it is told with its maps, after a layer of its own."""

    def __init__(self, then: Callable[[Tensor], Any], width: int = WIDTH) -> None:
        super().__init__()
        self.only, self.then = nn.Conv2d(4, width, kernel_size=1), then

    def forward(self, maps: Sequence[Tensor]) -> Any:
        return self.then(self.only(maps[0]))


def silent(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


SHARED = Plain(lambda found: found)
BAD_DECODERS: dict[str, tuple[Any, str]] = {
    "no module": (
        lambda channels, width: len,
        "A decoder should be a torch.nn.Module. Found builtin_function_or_method.",
    ),
    "a list": (
        lambda channels, width: Plain(lambda found: [found]),
        "Plain should return one map [2, 8, y, x], of the `width` it is made with. Found [[2, 8, 16, 16]].",
    ),
    "another width": (lambda channels, width: Plain(lambda found: found, 5), "Found [2, 5, 16, 16]."),
    "no map": (lambda channels, width: Plain(lambda found: found.mean((2, 3))), "Found [2, 8]."),
    "pictures lost": (lambda channels, width: Plain(lambda found: found[:1]), "Found [1, 8, 16, 16]."),
    "an error of its own": (
        lambda channels, width: nn.Sequential(nn.Flatten()),
        "Sequential should take maps [[2, 4, 16, 16], [2, 6, 8, 8]]. Found an error: ",
    ),
    "nothing to learn": (
        lambda channels, width: silent(Plain(lambda found: found)),
        "Plain, as decoder, should have parameters that a gradient reaches. Found 0 that require one",
    ),
    "no gradient": (lambda channels, width: Plain(lambda found: found.detach()), "Found 2 that require one, and none"),
    "one for all tasks": (
        lambda channels, width: SHARED,
        "make a new decoder at every call. Found `only.weight` in two of them.",
    ),
}


@pytest.mark.parametrize("name", BAD_DECODERS)
def test_what_is_no_decoder_is_one_line(name: str) -> None:
    make, line = BAD_DECODERS[name]
    with pytest.raises(RecipeError) as error:
        model("depth", "edge", make_decoder=make)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_decoders_of_one_client_are_alike() -> None:
    sizes = iter((1, 3))

    def make(channels: Sequence[int], width: int) -> nn.Module:
        decoder = Plain(lambda found: found)
        decoder.only = nn.Conv2d(4, width, kernel_size=(size := next(sizes)), padding=size // 2)
        return decoder

    with pytest.raises(
        RecipeError, match=r"alike. Found one for `edge` whose parameter 0 is `only.weight` of shape \[8, 4, 3, 3\]"
    ):
        model("depth", "edge", make_decoder=make)


class Given(nn.Module):
    def __init__(self, channels: Any, then: Callable[[Tensor], Any] = lambda found: [found]) -> None:
        super().__init__()
        self.channels, self.only, self.then = channels, nn.Conv2d(3, 4, kernel_size=4, stride=4), then

    def forward(self, image: Tensor) -> Any:
        return self.then(self.only(image))


BAD_ENCODERS: dict[str, tuple[Any, str]] = {
    "no channels": (nn.Conv2d(3, 4, 4), "An encoder should have `channels`, a number for each of its maps"),
    "no list of channels": (Given(4), "Found 4 in Given."),
    "none": (Given(()), "Found () in Given."),
    "other channels": (Given((5,)), "Given should return a list of maps of [5] channels, as its `channels` say. Found"),
    "fewer maps": (Given((4, 8)), "Found [[2, 4, 16, 16]]."),
    "one map": (Given((4,), lambda found: found), "Found [2, 4, 16, 16]."),
    "no map": (Given((4,), lambda found: [found.mean((2, 3))]), "Found [[2, 4]]."),
    "a mapping": (Given((4,), lambda found: {"map": found}), "Found dict."),
    "nothing to learn": (silent(Given((4,))), "Given, as encoder, should have parameters that a gradient reaches."),
}


@pytest.mark.parametrize("name", BAD_ENCODERS)
def test_what_is_no_encoder_is_one_line(name: str) -> None:
    own, line = BAD_ENCODERS[name]
    with pytest.raises(RecipeError) as error:
        ClientModel(own, [TASKS["depth"]], width=WIDTH)
    assert line in str(error.value)


def test_a_decoder_too_narrow_for_heads_is_one_line() -> None:
    with pytest.raises(RecipeError, match=r"`width` should be at least 4: heads halve it twice. Found 3."):
        ClientModel(encoder(), [TASKS["depth"]], width=3)
