"""A client: its data, its model, its state, and the three things it can be asked for."""

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from fedhca.client.evaluation import measure
from fedhca.client.loading import Batch, PictureSet, epochs, in_order, steps_per_epoch
from fedhca.client.state import gather, scatter
from fedhca.client.training import Step, Training, Watch, optimise, set_rate
from fedhca.errors import ClientError, RecipeError
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, TrainReply, TrainRequest
from fedhca.models.client_model import ClientModel
from fedhca.parameters import Parameters
from fedhca.seeds import derive
from fedhca.state_folder import StateFolder
from fedhca.tasks.task import Task


class Client:
    """One organisation: private data, its own tasks, one model.

    Args:
        name: unique in the federation.
        dataset: name of the data set its data are of; clients with equal data set and tasks are homogeneous.
        tasks: one task or many, of different names.
        model: encoder, decoders and heads for those tasks, on the device it trains on.
        train: its training pictures.
        test: its test pictures.
        training: how it trains.
        seed: of the experiment; orders and augmentations derive from (seed, client, round, purpose).
        folder: where its state is saved after each `save_every` rounds; nowhere if not given.
        save_every: see `folder`.
        watch: is told every step.

    """

    def __init__(
        self,
        name: str,
        dataset: str,
        tasks: Sequence[Task],
        model: ClientModel,
        train: PictureSet,
        test: PictureSet,
        *,
        training: Training = Training(),
        seed: int = 0,
        folder: Path | None = None,
        save_every: int = 1,
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
        self.model, self.training_set, self.test_set = model, train, test
        self.training, self.seed, self.watch = training, seed, watch
        self.states = None if folder is None else StateFolder(folder, name)
        self.save_every = save_every
        self.rounds = 0
        self.device = next(model.parameters()).device
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )

    def hello(self) -> Hello:
        """Introduce the client."""
        return Hello(
            self.name,
            self.dataset,
            tuple(task.name for task in self.tasks),
            len(self.training_set),
            self.model.encoder_layout,
            self.model.decoder_layout,
            self.model.collect(),
        )

    def train(self, request: TrainRequest) -> TrainReply:
        """Train one round from the received parameters; heads, buffers and moments go on from the round before.

        Raises:
            ClientError: a loss or an update is not finite; the saved state is then the one before this round.

        """
        began = time.perf_counter()
        self.adopt(request.round, request.parameters)
        losses = self._optimise(request)
        parameters = self.model.collect()
        if not all(bool(each.isfinite().all()) for each in self.model.parameters()):
            mend = "Lower `learning_rate`, or set `clip_norm`."
            raise ClientError(f"The update should be finite. Found NaN or infinity at {self._where(request)}. {mend}")
        self.rounds += 1
        if self.states is not None and (self.rounds % self.save_every == 0 or self.rounds == self.training.rounds):
            self.states.save(self.rounds, gather(self.model, self.optimiser))
        return TrainReply(self.name, request.round, parameters, losses, time.perf_counter() - began)

    def try_batch(self) -> None:
        """Push one batch of training pictures through model and losses, without learning from it.

        Raises:
            DataError: a label is missing, or does not fit its task.

        """
        count = min(self.training.batch_size, len(self.training_set))
        names = [task.name for task in self.tasks]
        batch = next(next(epochs(self.training_set, names, [0], batch_size=count, workers=0, pin=False)))
        with torch.no_grad():
            outputs = self.model(batch["image"].to(self.device))
            for task in self.tasks:
                task.loss(outputs[task.name], batch[task.name].to(self.device))

    def evaluate(self, request: EvaluateRequest) -> EvaluateReply:
        """Measure the received parameters, with the client's own heads and buffers, on its test pictures."""
        began = time.perf_counter()
        self.adopt(request.round, request.parameters)
        setting = self.training
        loader = in_order(
            self.test_set,
            [task.name for task in self.tasks],
            batch_size=setting.batch_size,
            workers=setting.workers,
            pin=self.device.type == "cuda",
        )
        stats = measure(self.model, self.tasks, loader)
        metrics = {name: stat.result() for name, stat in stats.items()}
        return EvaluateReply(self.name, request.round, stats, metrics, time.perf_counter() - began)

    def _optimise(self, request: TrainRequest) -> dict[str, float]:
        """Take all steps of the round; return the mean loss of each task."""
        setting = self.training
        first = request.round * setting.local_epochs
        numbers = range(first, first + setting.local_epochs)
        totals = dict.fromkeys((task.name for task in self.tasks), 0.0)
        taken, steps = 0, setting.local_epochs * steps_per_epoch(len(self.training_set), setting.batch_size)
        self.model.train()
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(derive(self.seed, self.name, "dropout", request.round))
            for number, batches in zip(numbers, self._epochs(numbers), strict=True):
                set_rate(self.optimiser, setting.schedule.rate(number))
                for losses in self._steps(batches, request):
                    taken += 1
                    totals = {name: total + losses[name] for name, total in totals.items()}
                    if self.watch is not None:
                        self.watch(Step(self.name, request.round, taken, steps, losses))
        return {name: total / taken for name, total in totals.items()}

    def _epochs(self, numbers: Iterable[int]) -> Iterator[Iterator[Batch]]:
        return epochs(
            self.training_set,
            [task.name for task in self.tasks],
            [derive(self.seed, self.name, "epoch", number) for number in numbers],
            batch_size=self.training.batch_size,
            workers=self.training.workers,
            pin=self.device.type == "cuda",
        )

    def _steps(self, batches: Iterator[Batch], request: TrainRequest) -> Iterator[dict[str, float]]:
        setting, rule = self.training, request.rule
        half = setting.precision == "bfloat16" or (setting.precision == "auto" and self.device.type == "cuda")
        return optimise(
            self.model,
            self.tasks,
            self.optimiser,
            batches,
            pull=rule.pull,
            anchor=tuple(self.model.received(request.parameters)) if rule.pull else (),
            clip_norm=setting.clip_norm,
            autocast=half,
            where=self._where(request),
        )

    def adopt(self, rounds: int, parameters: Parameters) -> None:
        """Hold the state after so many rounds, from its folder if this is not it, and the given parameters.

        Raises:
            ClientError: the client is elsewhere and has no folder.
            RunFolderError: its folder has no such state.

        """
        if rounds != self.rounds:
            if self.states is None:
                held = f"Client '{self.name}' holds its state after {self.rounds} rounds"
                raise ClientError(f"{held}. Asked for that after {rounds}. Give it a folder, so that it can go back.")
            scatter(self.states.load(rounds)[0], self.model, self.optimiser)
            self.rounds = rounds
        self.model.install(parameters)

    def _where(self, request: TrainRequest) -> str:
        return f"client '{self.name}', round {request.round + 1}"
