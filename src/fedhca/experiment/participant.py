"""One organisation as an experiment describes it, before it has a model."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fedhca.client.client import Client
from fedhca.client.loading import PictureSet
from fedhca.client.training import Training, Watch
from fedhca.errors import RecipeError
from fedhca.models.client_model import ClientModel
from fedhca.tasks.task import Task

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What names of clients look like: they become names of folders."""


@dataclass(frozen=True)
class Participant:
    """Who takes part, with which tasks and which private data.

    Attributes:
        name: unique in the federation.
        tasks: one or many; `fedhca.tasks` has six kinds, or write your own.
        train: training pictures: any data set of dictionaries with `image` [3, y, x] and a label map per task.
        test: test pictures, likewise.
        dataset: name of the data set; participants with equal data set and tasks are homogeneous. Its own name if
            not given.

    """

    name: str
    tasks: Sequence[Task]
    train: PictureSet
    test: PictureSet
    dataset: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not take part.

        Raises:
            RecipeError: the name could not be one of a folder, there is no task, or a task comes twice.

        """
        if not re.fullmatch(NAME, self.name):
            expected = "A participant's name should be letters, digits, dots, dashes and underscores."
            raise RecipeError(f"{expected} Found {self.name!r}.")
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) < len(names):
            found = ", ".join(names) or "none"
            raise RecipeError(f"Client '{self.name}' should have one task or more, each once. Found {found}.")


def make_client(
    participant: Participant,
    encoder: nn.Module,
    *,
    training: Training,
    width: int = 96,
    seed: int = 0,
    device: torch.device | None = None,
    folder: Path | None = None,
    save_every: int = 1,
    watch: Watch | None = None,
) -> Client:
    """Give a participant its own copy of the encoder, decoders and heads, and make it a client."""
    model = ClientModel(copy.deepcopy(encoder), participant.tasks, width=width, seed=seed).to(device)
    return Client(
        participant.name,
        participant.dataset or participant.name,
        participant.tasks,
        model,
        participant.train,
        participant.test,
        training=training,
        seed=seed,
        folder=folder,
        save_every=save_every,
        watch=watch,
    )
