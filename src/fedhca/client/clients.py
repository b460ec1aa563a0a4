"""Participants become clients; those of one kind take turns in one trainer."""

import copy
import logging
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from fedhca.client.client import Client
from fedhca.client.participant import Participant
from fedhca.client.shared_trainer import SharedTrainer
from fedhca.client.trainer import Trainer
from fedhca.client.training import OnStep
from fedhca.config.federation import HERE, Federation, Site
from fedhca.errors import RecipeError
from fedhca.models.client_model import ClientModel
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.tasks.task import Task
from fedhca.wire.parameters import Parameters

log = logging.getLogger(__name__)


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


class Clients:
    """Make participants clients; those with the same tasks and architecture take turns in one trainer.

    Args:
        federation: how it is run.
        site: the machine they are on.
        encoder: the backbone that those start from who have none of their own.
        decoder: what makes decoders, likewise.

    Raises:
        RecipeError: states shall be on disk alone, and not all are saved there; or there is no such device.

    """

    def __init__(
        self,
        federation: Federation,
        site: Site = HERE,
        encoder: nn.Module | None = None,
        decoder: MakeDecoder = Decoder,
    ) -> None:
        if site.states == "disk" and federation.checkpoint_every > 1:
            raise RecipeError(f"`states: disk` needs `checkpoint_every: 1`. Found {federation.checkpoint_every}.")
        self.federation, self.site, self.device = federation, site, device_of(site)
        self.architecture = Architecture(encoder, decoder, federation.model.width)
        self.trainers: list[tuple[tuple[Task, ...], Architecture, SharedTrainer]] = []

    def make(self, participant: Participant, folder: Path | None = None, on_step: OnStep | None = None) -> Client:
        """Make a client; arguments as in `Client`."""
        shared = self._shared(participant)
        apart = self.federation.model.decoders == "apart"
        start = self._apart(participant, shared) if apart else None
        return Client(participant, shared, self.federation, self.site, folder, start, on_step)

    def _apart(self, participant: Participant, shared: SharedTrainer) -> Parameters:
        """Return what a participant starts from whose decoders are drawn for it alone."""
        model = self.architecture.of(participant).build(participant, self.federation.seed, apart=participant.name)
        return Parameters(shared.begin().encoder, model.collect().decoders.to(self.device))

    def _shared(self, participant: Participant) -> SharedTrainer:
        tasks, architecture = tuple(participant.tasks), self.architecture.of(participant)
        for other_tasks, other, shared in self.trainers:
            if (other_tasks, other) == (tasks, architecture):
                return shared
        model = architecture.build(participant, self.federation.seed)
        shared = SharedTrainer(Trainer(model.to(self.device), tasks, self.federation.training))
        self.trainers.append((tasks, architecture, shared))
        if self.federation.privacy is not None:
            shared.begin()
        return shared


def device_of(site: Site) -> torch.device:
    """Return the device a site names; `auto` is CUDA where there is one."""
    if site.device.startswith("cuda") and not torch.cuda.is_available():
        raise RecipeError("`device`: expected a CUDA device, found none that torch can use. Set `device: cpu`.")
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if site.device == "auto" else site.device
    log.info("device %s, %d threads", wanted, torch.get_num_threads())
    return torch.device(wanted)
