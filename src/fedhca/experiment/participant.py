"""One organisation as an experiment describes it, before it has a model."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from fedhca.client.client import Client, Rests
from fedhca.client.learner import Learner
from fedhca.client.loading import PictureSet
from fedhca.client.privacy import Privacy
from fedhca.client.resident import Resident
from fedhca.client.training import Training, Watch
from fedhca.errors import RecipeError
from fedhca.models.client_model import ClientModel
from fedhca.section import NAME
from fedhca.server.attendance import Span
from fedhca.tasks.task import Task


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
        span: the rounds it takes part in; all if not given.

    """

    name: str
    tasks: Sequence[Task]
    train: PictureSet
    test: PictureSet
    dataset: str | None = None
    span: Span = field(default_factory=Span)

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


class Clients:
    """Make participants clients; those with the same tasks and training take turns in one module.

    Args:
        encoder: the backbone all start from.
        width: channels of the decoders.
        seed: everything random derives from it.
        device: where models live; the CPU if not given.

    """

    def __init__(
        self, encoder: nn.Module, *, width: int = 96, seed: int = 0, device: torch.device | None = None
    ) -> None:
        self.encoder, self.width, self.seed, self.device = encoder, width, seed, device
        self.residents: list[Resident] = []

    def make(
        self,
        participant: Participant,
        training: Training,
        *,
        privacy: Privacy | None = None,
        folder: Path | None = None,
        save_every: int = 1,
        rests: Rests = "memory",
        watch: Watch | None = None,
    ) -> Client:
        """Make a client; arguments as in `Client`."""
        return Client(
            participant.name,
            participant.dataset or participant.name,
            participant.tasks,
            self._resident(participant.tasks, training, privacy is not None),
            participant.train,
            participant.test,
            training=training,
            privacy=privacy,
            seed=self.seed,
            folder=folder,
            save_every=save_every,
            rests=rests,
            watch=watch,
        )

    def _resident(self, tasks: Sequence[Task], training: Training, private: bool) -> Resident:
        for each in self.residents:
            kind = (each.learner.tasks, each.learner.training, each.beginning is not None)
            if kind == (tuple(tasks), training, private):
                return each
        model = ClientModel(copy.deepcopy(self.encoder), tasks, width=self.width, seed=self.seed).to(self.device)
        self.residents.append(Resident(Learner(model, tasks, training)))
        if private:
            self.residents[-1].begin()
        return self.residents[-1]
