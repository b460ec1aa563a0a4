"""One organisation as an experiment describes it, before it has a model."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, get_args

import torch
from torch import nn

from fedhca.client.client import Client, Rests
from fedhca.client.learner import Learner
from fedhca.client.loading import PictureSet
from fedhca.client.privacy import Privacy
from fedhca.client.resident import Resident
from fedhca.client.training import Training, Watch
from fedhca.errors import RecipeError, unknown
from fedhca.models.client_model import ClientModel
from fedhca.models.decoder import Decoder, MakeDecoder, Start
from fedhca.parameters import Parameters
from fedhca.section import NAME
from fedhca.server.attendance import Span
from fedhca.tasks.task import Task


@dataclass(frozen=True)
class Participant:
    """Who takes part, with which tasks and which private data.

    Attributes:
        name: unique in the federation.
        tasks: one or many; `fedhca.tasks` has eight kinds, or write your own.
        train: training pictures: any data set of dictionaries with `image` [3, y, x] and a label map per task.
        test: test pictures, likewise.
        dataset: name of the data set; participants with equal data set and tasks are homogeneous. Its own name if
            not given.
        span: the rounds it takes part in; all if not given.
        encoder: that it starts from, if not from the federation's.
        decoder: what makes its decoders, if not what makes the federation's.
        width: channels of its decoders, if not the federation's.

    """

    name: str
    tasks: Sequence[Task]
    train: PictureSet
    test: PictureSet
    dataset: str | None = None
    span: Span = field(default_factory=Span)
    encoder: nn.Module | None = None
    decoder: MakeDecoder | None = None
    width: int | None = None

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


class Architecture(NamedTuple):
    """What models are made of. Modules are equal if they are the same."""

    encoder: nn.Module | None
    make_decoder: MakeDecoder = Decoder
    width: int = 96

    def of(self, participant: Participant) -> "Architecture":
        """Return a participant's architecture, given that of those who have none of their own."""
        return Architecture(
            self.encoder if participant.encoder is None else participant.encoder,
            participant.decoder or self.make_decoder,
            self.width if participant.width is None else participant.width,
        )

    def build(self, participant: Participant, seed: int, apart: str | None = None) -> ClientModel:
        """Return a participant's model, on a copy of the encoder; RecipeError if it cannot be built."""
        if self.encoder is None:
            expected = f"Client '{participant.name}' should have an encoder"
            raise RecipeError(f"{expected}. Found none: give one to it, or to `fedhca.run` for all.")
        encoder, tasks = copy.deepcopy(self.encoder), participant.tasks
        try:
            return ClientModel(encoder, tasks, width=self.width, seed=seed, make_decoder=self.make_decoder, apart=apart)
        except RecipeError as error:
            raise RecipeError(f"Client '{participant.name}': {error}") from error


class Kind(NamedTuple):
    """What clients have in common that can take turns in one module."""

    tasks: tuple[Task, ...]
    training: Training
    private: bool
    architecture: Architecture


class Clients:
    """Make participants clients; those with the same tasks, training and architecture take turns in one module.

    Args:
        encoder: the backbone that those start from who have none of their own.
        width: channels of decoders, likewise.
        decoder: what makes decoders, likewise.
        decoders: whether all decoders start `alike`, or `apart`, each from a draw of its own.
        seed: everything random derives from it.
        device: where models live; the CPU if not given.

    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        *,
        width: int = 96,
        decoder: MakeDecoder = Decoder,
        decoders: Start = "alike",
        seed: int = 0,
        device: torch.device | None = None,
    ) -> None:
        if decoders not in get_args(Start):
            raise RecipeError(unknown("start of `decoders`", decoders, get_args(Start)))
        self.architecture, self.seed, self.device = Architecture(encoder, decoder, width), seed, device
        self.decoders = decoders
        self.kinds: list[Kind] = []
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
        resident = self._resident(participant, training, privacy is not None)
        return Client(
            participant.name,
            participant.dataset or participant.name,
            participant.tasks,
            resident,
            participant.train,
            participant.test,
            training=training,
            privacy=privacy,
            start=self._apart(participant, resident) if self.decoders == "apart" else None,
            seed=self.seed,
            folder=folder,
            save_every=save_every,
            rests=rests,
            watch=watch,
        )

    def _apart(self, participant: Participant, resident: Resident) -> Parameters:
        """Return what a participant starts from whose decoders are drawn for it alone."""
        model = self.architecture.of(participant).build(participant, self.seed, apart=participant.name)
        return Parameters(resident.begin().encoder, model.collect().decoders.to(self.device))

    def _resident(self, participant: Participant, training: Training, private: bool) -> Resident:
        architecture = self.architecture.of(participant)
        kind = Kind(tuple(participant.tasks), training, private, architecture)
        if kind in self.kinds:
            return self.residents[self.kinds.index(kind)]
        model = architecture.build(participant, self.seed)
        resident = Resident(Learner(model.to(self.device), participant.tasks, training))
        self.kinds.append(kind)
        self.residents.append(resident)
        if private:
            resident.begin()
        return resident
