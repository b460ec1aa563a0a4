"""A client: its data, its model, its state, and the three things it can be asked for."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import Tensor

from fedhca.client.learner import Epoch, Learner
from fedhca.client.ledger import ANSWERS, Ledger
from fedhca.client.loading import epochs, in_order, processes_watched, steps_per_epoch
from fedhca.client.privacy import Privacy
from fedhca.client.resident import Held, Resident
from fedhca.client.samples import PictureSet
from fedhca.client.state import MOMENTS, pack, unpack
from fedhca.client.training import Step, Training, Watch, measure
from fedhca.compression import Compressed, Form, compress, difference, total
from fedhca.errors import ClientError, RecipeError, RunFolderError
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, TrainReply, TrainRequest
from fedhca.models.client_model import ClientModel
from fedhca.parameters import Parameters
from fedhca.seeds import derive
from fedhca.state_folder import StateFolder
from fedhca.tasks.task import Task
from fedhca.tensor_file import under

log = logging.getLogger(__name__)

KEPT = 3
"""States in its folder: where the server goes back a round, perhaps after a crash, the client goes back one further."""

TRAINED, OWED, OWN = "trained/", "owed/", "own/"
"""What begins the names of what is saved beside heads, buffers and moments."""
Rests = Literal["memory", "disk"]

OF_THE_MACHINE = (OSError, MemoryError, torch.OutOfMemoryError)
"""Errors of files and memory. All others may depend on private data and on what the server sent."""

Found = TypeVar("Found")


class Client:
    """One organisation: private data, its own tasks, one model; under Ditto a second one that never leaves.

    Args:
        name: unique in the federation.
        dataset: name of the data set its data are of; clients with equal data set and tasks are homogeneous.
        tasks: one task or many, of different names.
        model: encoder, decoders and heads for those tasks, on the device it trains on; or a `Resident` that clients
            with the same tasks and training share.
        train: its training pictures.
        test: its test pictures.
        training: how it trains.
        privacy: what blurs its answers; they are as they are if not given.
        start: what it starts from, if not from what is in the model.
        seed: of the experiment; orders and augmentations derive from (seed, client, round, purpose).
        folder: where its state is saved after each `save_every` rounds; nowhere if not given.
        save_every: see `folder`.
        rests: where its state is between rounds: in `memory`, or on `disk` alone, in its folder.
        watch: is told every step.

    """

    def __init__(
        self,
        name: str,
        dataset: str,
        tasks: Sequence[Task],
        model: ClientModel | Resident,
        train: PictureSet,
        test: PictureSet,
        *,
        training: Training = Training(),
        privacy: Privacy | None = None,
        start: Parameters | None = None,
        seed: int = 0,
        folder: Path | None = None,
        save_every: int = 1,
        rests: Rests = "memory",
        watch: Watch | None = None,
    ) -> None:
        for what, pictures in (("training", train), ("test", test)):
            if len(pictures) == 0:
                raise RecipeError(f"Client '{name}' should have {what} pictures. Found none. Give it a larger share.")
        if len(train) < training.batch_size:
            warnings.warn(
                f"Client '{name}' has {len(train)} training pictures, less than a batch of {training.batch_size}: "
                f"each local epoch is one step on {len(train)}.",
                stacklevel=2,
            )
        self.name, self.dataset, self.tasks = name, dataset, tuple(tasks)
        self.training_set, self.test_set = train, test
        self.training, self.seed, self.watch = training, seed, watch
        self.states = None if folder is None else StateFolder(folder, name, kept=KEPT)
        self.save_every = save_every
        self.rounds = 0
        self.saved = 0  # the last of its states in the folder that it has been in
        self.whole = True  # false where training broke off between two rounds
        if rests == "disk" and (folder is None or save_every > 1):
            raise RecipeError("A client that rests on disk should have a folder, and save its state after every round.")
        self.rests = rests
        self.resident = model if isinstance(model, Resident) else Resident(Learner(model, tasks, training))
        self.home = Held(self.resident.first)
        self.ledger = None if privacy is None else Ledger(privacy, name, folder)
        self.start = self.resident.begin() if privacy is not None and start is None else start
        self.own: Held | None = None
        self.trained: Parameters | None = None
        self.owed: Parameters | None = None  # what was left over when the last answer was put into fewer bits

    @property
    def learner(self) -> Learner:
        """The model that takes in what the server hands out, with its optimiser."""
        return self.resident.hold(self.home)

    @property
    def model(self) -> ClientModel:
        """The model that takes in what the server hands out."""
        return self.learner.model

    @property
    def device(self) -> torch.device:
        """Where its models live."""
        return self.resident.learner.device

    def hello(self, parameters: Parameters | None = None) -> Hello:
        """Introduce the client; `parameters` spares copying them out of its model where they are at hand.

        A client with a `start` says that whenever it is asked. A private one has one: what it holds is not blurred.
        """
        given = parameters if self.start is None else self.start
        return Hello(
            self.name,
            self.dataset,
            tuple(task.name for task in self.tasks),
            len(self.training_set),
            self.model.encoder_layout,
            self.model.decoder_layout,
            self.model.collect() if given is None else given,
            None if self.states is None else self.states.whole(),
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
        began = time.perf_counter()
        self._require_round(request.round + 1)
        if self.ledger is not None:
            self.ledger.count()
        received = request.parameters.plain
        self.adopt(request.home, received)
        owed, self.whole = self.owed, False
        losses = self._untold(lambda: self._round(request, received), f"could not train in round {request.round + 1}")
        if losses is None:
            self._go_back(request.home, received)
            self.owed = owed  # of blurred numbers only, so the answer depends on nothing else
        answer = self._answer(self._blurred(self.model.collect(), received), received, request.answer)
        self.rounds, self.whole = request.round + 1, True
        if self.states is not None and (self.rounds % self.save_every == 0 or self.rounds == self.training.rounds):
            facts = None if self.ledger is None else {ANSWERS: self.ledger.answers}
            self.states.save(self.rounds, self._state(), facts, since=self.saved)
            self.saved = self.rounds
        if self.rests == "disk":
            self._rest()
        # Losses are of the training data, and nothing blurs them.
        told = losses if losses and self.ledger is None else {}
        return TrainReply(self.name, request.round, answer, told, self._seconds(began))

    def try_batch(self) -> None:
        """Push one batch of training pictures through model and losses, without learning from it.

        Raises:
            DataError: a label is missing, or does not fit its task.

        """
        count = min(self.training.batch_size, len(self.training_set))
        batch = next(next(epochs(self.training_set, self.tasks, [0], batch_size=count, workers=0, pin=False)))
        with torch.no_grad():
            outputs = self.model(batch["image"].to(self.device))
            for task in self.tasks:
                task.loss(outputs[task.name], batch[task.name].to(self.device))

    @processes_watched()
    def evaluate(self, request: EvaluateRequest) -> EvaluateReply:
        """Measure the model the rule keeps, with the client's own heads and buffers, on its test pictures.

        Raises:
            ClientError: the run has no such round.

        """
        self._require_round(request.round)
        began, model = time.perf_counter(), self._kept(request)
        if self.ledger is None or self.ledger.privacy.metrics:
            return EvaluateReply(self.name, request.round, self._measure(model), self._seconds(began))
        found = self._untold(lambda: self._measure(model), f"could not be measured after round {request.round}")
        if found is not None:
            log.info("Client '%s' after round %d, which stays here: %s", self.name, request.round, found)
        return EvaluateReply(self.name, request.round, {})

    def _measure(self, model: ClientModel) -> dict[str, float]:
        """Return the metric of each task on the test pictures."""
        loader = in_order(
            self.test_set,
            self.tasks,
            batch_size=self.training.batch_size,
            workers=self.training.workers,
            pin=self.device.type == "cuda",
            where=f"Client '{self.name}', test data",
        )
        return {name: stat.result() for name, stat in measure(model, self.tasks, loader).items()}

    def adopt(self, rounds: int, parameters: Parameters) -> None:
        """Hold the state after so many rounds, from its folder if this is not it, and the given parameters.

        Raises:
            ClientError: the client is elsewhere, or its training broke off, and it has no folder; or the parameters are
                not finite.
            RunFolderError: its folder has no such state.

        """
        if not parameters.finite:
            raise ClientError(f"Client '{self.name}' should be handed out finite parameters. Found NaN or infinity.")
        if rounds != self.rounds or not self.whole:
            if rounds == 0:
                self._restore(self.resident.first)
            elif self.states is None:
                at = f"after {self.rounds} rounds" if self.whole else "in the middle of a round"
                held = f"Client '{self.name}' holds its state {at}"
                raise ClientError(f"{held}. Asked for that after {rounds}. Give it a folder, so that it can go back.")
            else:
                self._restore(self.states.load(rounds)[0])
            self.rounds, self.saved, self.whole = rounds, rounds, True
        self.model.install(parameters)

    def _require_round(self, number: int) -> None:
        """Raise ClientError for a round the run does not have: to be in it would drop the states that are needed."""
        if number > self.training.rounds:
            expected = f"Client '{self.name}' should be asked for rounds up to {self.training.rounds}"
            raise ClientError(f"{expected}, the last of the run. Found {number}.")

    def _kept(self, request: EvaluateRequest) -> ClientModel:
        """Return the model to evaluate, as it stands after the round of the request."""
        self.adopt(request.home, request.parameters.plain)
        if request.rule.keeps == "own" and self.own is not None:
            return self.resident.hold(self.own).model
        if request.rule.keeps == "trained" and self.trained is not None:
            self.model.install(self.trained)
        return self.model

    def _state(self) -> dict[str, Tensor]:
        """Return all that must not be lost: what stays home, and what the method's rule keeps beside."""
        state = dict(self.resident.tensors(self.home))
        for prefix, kept in ((TRAINED, self.trained), (OWED, self.owed)):
            if kept is not None:
                state |= pack(prefix, kept)
        if self.own is not None:
            state |= {f"{OWN}{name}": value for name, value in self.resident.tensors(self.own).items()}
        return state

    def _restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._part()
        self.trained, self.owed = (unpack(prefix, tensors, self.device) for prefix in (TRAINED, OWED))
        own = under(OWN, tensors)
        self.own = Held(own) if own else None
        beside = (TRAINED, OWED, OWN)
        self.home = Held({name: value for name, value in tensors.items() if not name.startswith(beside)})

    def _rest(self) -> None:
        """Let go of the state, which is in the folder: the next request brings it back from there."""
        self._part()
        self.home, self.own, self.trained, self.owed, self.whole = Held({}), None, None, None, False

    def _part(self) -> None:
        if self.resident.inside in (self.home, self.own):
            self.resident.forget()

    def _second(self, parameters: Parameters) -> Held:
        """Return a model of one's own that starts where the first one stands, its optimiser at rest."""
        home = {name: value for name, value in self.learner.state().items() if not name.startswith(MOMENTS)}
        return Held({name: value.detach().clone() for name, value in {**home, **pack("", parameters)}.items()})

    def _round(self, request: TrainRequest, received: Parameters) -> dict[str, float]:
        """Take all steps of a round; return the mean loss of each task."""
        rule = request.rule
        if rule.keeps == "own":
            self.own = self.own or self._second(received)
            self._learn(self.resident.hold(self.own), request, rule, received)
            self.model.install(received)
            rule = replace(rule, pull=0.0)
        losses = self._learn(self.learner, request, rule, received)
        self.trained = self.model.collect() if rule.keeps == "trained" else None
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
        """Hold the state before the round that broke off; the very first where that one was not saved."""
        try:
            self.adopt(rounds, received)
        except (ClientError, RunFolderError):
            self._restore(self.resident.first)
            self.model.install(received)

    def _seconds(self, began: float) -> float:
        """Return how long an answer took; 0 of a private client, as the time may depend on its data."""
        return time.perf_counter() - began if self.ledger is None else 0.0

    def _blurred(self, trained: Parameters, received: Parameters) -> Parameters:
        """Return what of training may be known outside."""
        if self.ledger is None:
            return trained
        return total(received, self.ledger.privacy.blur(difference(trained, received)))

    def _answer(self, trained: Parameters, received: Parameters, form: Form) -> Parameters | Compressed:
        """Return what is sent, and keep what fewer bits leave over of it; of a private client all of it is blurred."""
        if form == "float32":
            self.owed = None
            return trained
        change = difference(trained, received, self.owed)
        if not change.finite:
            raise ClientError(f"The update of client '{self.name}' should be finite. Found one beyond float32.")
        sent = compress(change, form, self.model.encoder_layout, self.model.decoder_layout)
        self.owed = difference(change, sent.plain)
        return sent

    def _learn(
        self, learner: Learner, request: TrainRequest, rule: LocalRule, received: Parameters
    ) -> dict[str, float]:
        """Have a learner take the steps of the round; both of a client see the same pictures and the same chance."""
        round_ = request.round
        steps = self.training.local_epochs * steps_per_epoch(len(self.training_set), self.training.batch_size)

        def told(step: int, losses: Mapping[str, float]) -> None:
            if self.watch is not None:
                self.watch(Step(self.name, round_, step, steps, losses))

        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(derive(self.seed, self.name, "dropout", round_))
            return learner.learn(
                self._epochs(round_, request.begins),
                steps,
                rule,
                received,
                where=f"client '{self.name}', round {round_ + 1}",
                told=told,
                to_the_end=self.ledger is not None,
            )

    def _epochs(self, round_: int, begins: int) -> Iterator[Epoch]:
        first = round_ * self.training.local_epochs
        schedule = replace(self.training.schedule, first=begins * self.training.local_epochs)
        numbers = range(first, first + self.training.local_epochs)
        loaded = epochs(
            self.training_set,
            self.tasks,
            [derive(self.seed, self.name, "epoch", number) for number in numbers],
            batch_size=self.training.batch_size,
            workers=self.training.workers,
            pin=self.device.type == "cuda",
            where=f"Client '{self.name}', training data",
        )
        for number, batches in zip(numbers, loaded, strict=True):
            yield schedule.rate(number), batches
