"""A client: its data, its model, its state, and the three things it can be asked for."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from fedhca.client.client_state import ClientState
from fedhca.client.ledger import ANSWERS, Ledger
from fedhca.client.loading import epochs, in_order, processes_watched, steps_per_epoch
from fedhca.client.participant import Participant
from fedhca.client.shared_trainer import SharedTrainer
from fedhca.client.trainer import Epoch, Trainer
from fedhca.client.training import OnStep, Schedule, Step, measure
from fedhca.client.uplink import blurred, payload
from fedhca.config.federation import HERE, Federation, Site
from fedhca.errors import ClientError, RecipeError, RunFolderError
from fedhca.models.client_model import ClientModel
from fedhca.seeds import derive
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

log = logging.getLogger(__name__)

OF_THE_MACHINE = (OSError, MemoryError, torch.OutOfMemoryError)
"""Errors of files and memory. All others may depend on private data and on what the server sent."""

Found = TypeVar("Found")


class Client:
    """One organisation: private data, its own tasks, one model; under Ditto a second one that never leaves.

    Args:
        participant: its name, tasks and data.
        shared: the trainer, in which clients with the same tasks and architecture take turns.
        federation: how it is run; orders and augmentations derive from (seed, client, round, purpose).
        site: the machine: where models live, how data are loaded, and where the state is between rounds.
        folder: where its state is saved after each `checkpoint_every` rounds; nowhere if not given.
        start: what it starts from, if not from what is in the model.
        on_step: is told every training step.

    Raises:
        RecipeError: there are no pictures, or the state shall be on disk and has no folder.

    """

    def __init__(
        self,
        participant: Participant,
        shared: SharedTrainer,
        federation: Federation,
        site: Site = HERE,
        folder: Path | None = None,
        start: Parameters | None = None,
        on_step: OnStep | None = None,
    ) -> None:
        _require_pictures(participant, federation.training.batch_size)
        self.participant, self.federation, self.site, self.on_step = participant, federation, site, on_step
        self.state = ClientState(participant.name, shared, folder, site.states)
        self.ledger = None if federation.privacy is None else Ledger(federation.privacy, participant.name, folder)
        self.start = shared.begin() if federation.privacy is not None and start is None else start

    @property
    def name(self) -> str:
        """The client's name."""
        return self.participant.name

    @property
    def model(self) -> ClientModel:
        """The model that takes in what the server hands out."""
        return self.state.trainer.model

    @property
    def device(self) -> torch.device:
        """Where its models live."""
        return self.state.shared.trainer.device

    def hello(self, parameters: Parameters | None = None) -> Hello:
        """Introduce the client; `parameters` spares copying them out of its model where they are at hand.

        A client with a `start` says that whenever it is asked. A private one has one: what it holds is not blurred.
        """
        given, facts = parameters if self.start is None else self.start, self.participant.client
        return Hello(
            facts.name,
            facts.dataset,
            facts.tasks,
            len(self.participant.train),
            self.model.encoder_layout,
            self.model.decoder_layout,
            self.model.collect() if given is None else given,
            None if self.state.files is None else self.state.files.whole(),
        )

    @processes_watched()
    def train(self, request: TrainRequest) -> TrainReply:
        """Train one round from the received parameters; heads, buffers and moments go on from the round before.

        A private client counts the request first. Where its training breaks off, the update is zero before it is
        blurred, and the client goes on from the state before this round.

        Raises:
            ClientError: the run has no such round; or a loss, an update or what stays home is not finite; the saved
                state is then the one before this round.
            RunFolderError: the answer cannot be counted, or a state cannot be loaded or saved.

        """
        began, state = time.perf_counter(), self.state
        self._require_round(request.round + 1)
        if self.ledger is not None:
            self.ledger.count()
        received = request.parameters.plain
        self.adopt(request.home, received)
        residual, state.whole = state.residual, False
        losses = self._untold(lambda: self._round(request, received), f"could not train in round {request.round + 1}")
        if losses is None:
            self._go_back(request.home, received)
            state.residual = residual  # of blurred numbers only, so the answer depends on nothing else
        update = blurred(self.model.collect(), received, self.federation.privacy)
        layouts = (self.model.encoder_layout, self.model.decoder_layout)
        sent, state.residual = payload(self.name, update, received, state.residual, request.answer, layouts)
        state.rounds, state.whole = request.round + 1, True
        if state.rounds % self.federation.checkpoint_every == 0 or state.rounds == self.federation.rounds:
            state.save(None if self.ledger is None else {ANSWERS: self.ledger.answers})
        state.rest()
        # Losses are of the training data, and nothing blurs them.
        told = losses if losses and self.ledger is None else {}
        return TrainReply(self.name, request.round, sent, told, self._seconds(began))

    def try_batch(self) -> None:
        """Push one batch of training pictures through model and losses, without learning from it.

        Raises:
            DataError: a label is missing, or does not fit its task.

        """
        pictures, tasks = self.participant.train, self.participant.tasks
        count = min(self.federation.training.batch_size, len(pictures))
        batch = next(next(epochs(pictures, tasks, [0], batch_size=count, workers=0, pin=False)))
        with torch.no_grad():
            outputs = self.model(batch["image"].to(self.device))
            for task in tasks:
                task.loss(outputs[task.name], batch[task.name].to(self.device))

    @processes_watched()
    def evaluate(self, request: EvaluateRequest) -> EvaluateReply:
        """Measure the model the rule keeps, with the client's own heads and buffers, on its test pictures.

        Raises:
            ClientError: the run has no such round.

        """
        self._require_round(request.round)
        began, model = time.perf_counter(), self._kept(request)
        if self.federation.privacy is None or self.federation.privacy.metrics:
            return EvaluateReply(self.name, request.round, self._measure(model), self._seconds(began))
        found = self._untold(lambda: self._measure(model), f"could not be measured after round {request.round}")
        if found is not None:
            log.info("Client '%s' after round %d, which stays here: %s", self.name, request.round, found)
        return EvaluateReply(self.name, request.round, {})

    def adopt(self, rounds: int, parameters: Parameters) -> None:
        """Take the state after so many rounds, from its folder if this is not it, and the given parameters.

        Raises:
            ClientError: there is no such state, or the parameters are not finite.
            RunFolderError: its folder has no such state.

        """
        if not parameters.finite:
            raise ClientError(f"Client '{self.name}' should be handed out finite parameters. Found NaN or infinity.")
        self.state.go_to(rounds)
        self.model.install(parameters)

    def _require_round(self, number: int) -> None:
        """Raise ClientError for a round the run does not have: to be in it would drop the states that are needed."""
        if number > self.federation.rounds:
            expected = f"Client '{self.name}' should be asked for rounds up to {self.federation.rounds}"
            raise ClientError(f"{expected}, the last of the run. Found {number}.")

    def _measure(self, model: ClientModel) -> dict[str, float]:
        """Return the metric of each task on the test pictures."""
        loader = in_order(
            self.participant.test,
            self.participant.tasks,
            batch_size=self.federation.training.batch_size,
            workers=self.site.workers,
            pin=self.device.type == "cuda",
            where=f"Client '{self.name}', test data",
        )
        return {name: stat.result() for name, stat in measure(model, self.participant.tasks, loader).items()}

    def _kept(self, request: EvaluateRequest) -> ClientModel:
        """Return the model to evaluate, as it stands after the round of the request."""
        self.adopt(request.home, request.parameters.plain)
        if request.rule.keeps == "own" and (own := self.state.own_trainer) is not None:
            return own.model
        if request.rule.keeps == "trained" and self.state.trained is not None:
            self.model.install(self.state.trained)
        return self.model

    def _round(self, request: TrainRequest, received: Parameters) -> dict[str, float]:
        """Take all steps of a round; return the mean loss of each task."""
        rule = request.rule
        if rule.keeps == "own":
            self._train(self.state.begin_own(received), request, rule, received)
            self.model.install(received)
            rule = replace(rule, pull=0.0)
        losses = self._train(self.state.trainer, request, rule, received)
        self.state.trained = self.model.collect() if rule.keeps == "trained" else None
        return losses

    def _untold(self, make: Callable[[], Found], what: str) -> Found | None:
        """Return what is made; None where a private client fails, with a warning that stays at this machine.

        An error would tell something about the labels, such as the scale of decoders at which a loss overflows.
        """
        try:
            return make()
        except OF_THE_MACHINE:
            raise
        except Exception as error:
            if self.ledger is None:
                raise
            warnings.warn(f"Client '{self.name}' {what}: {error} It says nothing about it outside.", stacklevel=2)
            return None

    def _go_back(self, rounds: int, received: Parameters) -> None:
        """Take the state before the round that broke off; the very first where that one was not saved."""
        try:
            self.adopt(rounds, received)
        except (ClientError, RunFolderError):
            self.state.restore(self.state.shared.first)
            self.model.install(received)

    def _seconds(self, began: float) -> float:
        """Return how long an answer took; 0 of a private client, as the time may depend on its data."""
        return time.perf_counter() - began if self.ledger is None else 0.0

    def _train(
        self, trainer: Trainer, request: TrainRequest, rule: LocalRule, received: Parameters
    ) -> dict[str, float]:
        """Take the steps of the round; both models of a client see the same pictures and the same chance."""
        round_, count = request.round, len(self.participant.train)
        steps = self.participant.local_epochs * steps_per_epoch(count, self.federation.training.batch_size)

        def on_step(step: int, losses: Mapping[str, float]) -> None:
            if self.on_step is not None:
                self.on_step(Step(self.name, round_, step, steps, losses))

        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(derive(self.federation.seed, self.name, "dropout", round_))
            return trainer.train(
                self._epochs(round_, request.begins),
                steps,
                rule,
                received,
                where=f"client '{self.name}', round {round_ + 1}",
                on_step=on_step,
                to_the_end=self.ledger is not None,
            )

    def _epochs(self, round_: int, begins: int) -> Iterator[Epoch]:
        """Yield the local epochs of a round, each with its learning rate."""
        each, federation = self.participant.local_epochs, self.federation
        schedule = Schedule.of(federation.training, federation.rounds * each, first=begins * each)
        numbers = range(round_ * each, (round_ + 1) * each)
        loaded = epochs(
            self.participant.train,
            self.participant.tasks,
            [derive(federation.seed, self.name, "epoch", number) for number in numbers],
            batch_size=federation.training.batch_size,
            workers=self.site.workers,
            pin=self.device.type == "cuda",
            where=f"Client '{self.name}', training data",
        )
        for number, batches in zip(numbers, loaded, strict=True):
            yield schedule.rate(number), batches


def _require_pictures(participant: Participant, batch_size: int) -> None:
    """Raise RecipeError where a client has no pictures; warn where it has less than a batch of them."""
    name, count = participant.name, len(participant.train)
    for what, pictures in (("training", participant.train), ("test", participant.test)):
        if len(pictures) == 0:
            raise RecipeError(f"Client '{name}' should have {what} pictures. Found none. Give it a larger share.")
    if count < batch_size:
        less = f"Client '{name}' has {count} training pictures, less than a batch of {batch_size}"
        warnings.warn(f"{less}: each local epoch is one step on {count}.", stacklevel=3)
