"""The smallest federations that still are ones: an own encoder, random pictures, a recipe, and the command."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fedhca import cli
from fedhca.client.client import Client
from fedhca.client.clients import Clients
from fedhca.client.participant import Participant
from fedhca.config.federation import HERE, Federation, Model, Site, Training
from fedhca.models import Pyramid, backbone
from fedhca.tasks import IGNORE, Depth, Edges, Saliency, SemanticSegmentation, SurfaceNormals, Task
from fedhca.wire.compression import Compressed
from fedhca.wire.messages import LocalRule, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

RECIPE = Path(__file__).parent / "system" / "tiny.yaml"
SWIN: dict[str, Any] = {
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
    "window_size": 4,
    "image_size": 32,
}
WIDTH = 8
CLASSES = 5
PICTURE: Any = np.zeros((2, 3, 3), np.uint8)
"""What drawings are asked for beside, where it does not matter."""
TASKS: dict[str, Task] = {
    "semseg": SemanticSegmentation(channels=CLASSES),
    "depth": Depth(),
    "edge": Edges(),
    "sal": Saliency(),
    "normals": SurfaceNormals(),
}


def swin() -> Pyramid:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return backbone("swin", pretrained=False, config=SWIN)


class Encoder(nn.Module):
    """Two maps; with buffers, with chance while training, and with a parameter that no gradient reaches."""

    channels = (4, 6)

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, kernel_size=4, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.chance = nn.Dropout(dropout)
        self.second = nn.Conv2d(4, 6, kernel_size=2, stride=2)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, image: Tensor) -> list[Tensor]:
        large = self.chance(self.norm(self.first(image)).relu())
        return [large, self.second(large)]


def encoder(dropout: float = 0.1) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Encoder(dropout)


class Pictures:
    """Random pictures with labels; `sample` adds noise that hangs on its seed alone."""

    def __init__(self, count: int, size: tuple[int, int] = (16, 16), seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.images = torch.from_numpy(draw.normal(size=(count, 3, *size)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image = self.images[index]
        grey = image.mean(0)
        semseg = ((grey + 1) * 2).long().clamp(0, CLASSES - 1)
        semseg[0] = IGNORE
        return {
            "image": image,
            "semseg": semseg,
            "depth": grey.abs() + 1,
            "edge": (grey > 0.5).float(),
            "sal": (grey > 0).long(),
            "normals": nn.functional.normalize(image, dim=0),
        }

    def sample(self, index: int, seed: int) -> dict[str, Tensor]:
        sample = self[index]
        noise = np.random.default_rng(seed).normal(size=sample["image"].shape).astype(np.float32)
        return sample | {"image": sample["image"] + 0.1 * torch.from_numpy(noise)}


def participant(name: str, *tasks: str, count: int = 5, seed: int | None = None) -> Participant:
    """Return an organisation whose pictures hang on its name, unless a seed is given."""
    number = sum(name.encode()) if seed is None else seed
    return Participant(
        name, [TASKS[task] for task in tasks], Pictures(count, seed=number), Pictures(3, seed=number + 1)
    )


TRAINING = Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1)
FEDERATION = Federation(rounds=4, training=TRAINING, model=Model(width=WIDTH))


def client(
    *tasks: str,
    name: str = "a",
    count: int = 5,
    dropout: float = 0.1,
    site: Site = HERE,
    folder: Path | None = None,
    on_step: Any = None,
    **changes: Any,
) -> Client:
    """Return a client on its own; `changes` are of its federation."""
    federation = FEDERATION.model_copy(update=changes)
    return Clients(federation, site, encoder(dropout)).make(participant(name, *tasks, count=count), folder, on_step)


def train(
    client: Client, number: int, parameters: Parameters | Compressed | None = None, pull: float = 0.0
) -> TrainReply:
    """Train one round from the parameters given, or from what the client holds."""
    held = client.model.collect() if parameters is None else parameters
    return client.train(TrainRequest(client.name, number, held, LocalRule(pull)))


def same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same to the last bit; NaN is equal to NaN."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.detach().numpy().tobytes() == other.detach().numpy().tobytes()


def same_parameters(one: Parameters | Compressed, other: Parameters | Compressed) -> bool:
    return equal(one.encoder, other.encoder) and equal(one.decoders, other.decoders)


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass
class Command:
    """Runs `fedhca` in this process, through the function that the installed command calls."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Outcome:
        self.patch.setattr(sys, "argv", ["fedhca", *map(str, words)])
        self.capture.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = self.capture.readouterr()
        return Outcome(int(code), out, err)
