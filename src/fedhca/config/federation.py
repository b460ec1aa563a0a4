"""How a federation is run: the same object in a recipe, in Python and at the server; no torch, no rules."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from fedhca.config.bounds import Count, NotNegative, Number, Positive, Seconds, Seed, Share, Width, Workers
from fedhca.config.owner import Owner
from fedhca.config.section import Name, Section

TransferDtype = Literal["float32", "bfloat16", "int8"]
Precision = Literal["auto", "float32", "bfloat16"]
OnMissing = Literal["fail", "keep", "wait"]
Storage = Literal["memory", "disk"]
DecoderStart = Literal["alike", "apart"]


class ClientEntry(Section):
    """Who takes part, with which tasks, and from when to when.

    A client registers before the first round, as all do, and is asked for nothing outside its rounds: its parameters
    and hyper weights stay as they are, and it is not mixed with others.

    Attributes:
        name: unique in the federation.
        dataset: name of the data set; clients with equal data set and tasks are homogeneous.
        tasks: names, each once.
        joins: the first round of the client, counted from 1.
        leaves: the last one; the last of the run if not given.
        local_epochs: epochs in a round; those of the data set if not given.

    """

    name: Name
    dataset: Name
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    joins: Count = 1
    leaves: Count | None = None
    local_epochs: Count | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ClientEntry":
        twice = [task for task, count in Counter(self.tasks).items() if count > 1]
        if twice:
            raise ValueError(f"each task once; found `{twice[0]}` twice")
        if self.leaves is not None and self.leaves < self.joins:
            raise ValueError(f"`leaves` should be at least {self.joins}, where it joins; found {self.leaves}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all clients that this stands for."""
        return (self.name,)

    def absence(self, number: int) -> str:
        """Say why the client does not take part in a round; nothing if it does."""
        if number < self.joins:
            return f"joins in round {self.joins}."
        if self.leaves is not None and number > self.leaves:
            return f"left after round {self.leaves}."
        return ""


class Training(Section):
    """How a client trains; the defaults are the paper's protocol.

    Attributes:
        batch_size: pictures per step.
        learning_rate: AdamW's, after warm-up.
        weight_decay: AdamW's.
        warmup_epochs: local epochs of warm-up.
        warmup_learning_rate: of the first epoch; learning_rate/800 if not given.
        final_learning_rate: at the end; learning_rate/80 if not given.
        clip_norm: largest norm of the gradient; not clipped if not given.
        precision: `auto` is bfloat16 on CUDA and float32 elsewhere.
        compile: whether torch.compile makes the model machine code at its first steps: minutes once for each model in
            memory, then faster steps on GPUs. Its numbers differ in their last bits from those of the model as it is.

    """

    batch_size: Count = 8
    learning_rate: Positive = 1e-4
    weight_decay: NotNegative = 1e-4
    warmup_epochs: Annotated[int, Field(ge=0, le=1_000_000), Number] = 5
    warmup_learning_rate: Positive | None = None
    final_learning_rate: Positive | None = None
    clip_norm: Positive | None = None
    precision: Precision = "auto"
    compile: bool = False


class Model(Section):
    """What decoders are like.

    Attributes:
        width: channels of their maps.
        decoders: whether all decoders start `alike`, so that mixing them means something from the first round, or
            `apart`, each from a draw of its own, as in the released code.

    """

    width: Width = 96
    decoders: DecoderStart = "alike"


class Compression(Section):
    """In what form parameters travel; float32 changes no bit. One word is for both directions.

    Attributes:
        down: to clients.
        up: from them.

    """

    down: TransferDtype = "float32"
    up: TransferDtype = "float32"

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"down": value, "up": value} if isinstance(value, str) else value


class Guard(Section):
    """How long a client's update may be, in medians of the round; off unless something is given.

    Attributes:
        bound: a longer update is shortened to so many medians.
        reject: above `bound`; of a client with a longer update nothing is taken this round.

    """

    bound: Annotated[float, Field(ge=1, le=1e9, examples=[2]), Number] | None = None
    reject: Annotated[float, Field(gt=1, le=1e9, examples=[10]), Number] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Guard":
        if self.bound is not None and self.reject is not None and self.reject <= self.bound:
            raise ValueError(f"`reject` should be above `bound`, {self.bound}; found {self.reject}")
        return self

    @property
    def on(self) -> bool:
        """Whether updates are looked at."""
        return self.bound is not None or self.reject is not None


class Privacy(Section):
    """Differential privacy of every answer of a client; see `fedhca.client.privacy`.

    Attributes:
        clip: greatest length of an update.
        noise: standard deviation of what is added to every number, in multiples of `clip`; 0 only shortens.
        delta: δ, the probability that ε does not hold.
        metrics: whether metrics are sent, unprotected.

    """

    clip: Positive
    noise: NotNegative
    delta: Share = 1e-5
    metrics: bool = False


class Federation(Section):
    """How a federation is run. A recipe is this with a method, models, data and clients.

    A field is agreed on by all, unless it is marked as the server's to change for a run.

    Attributes:
        seed: everything random derives from it.
        rounds: of the whole run; learning rates fall towards its end.
        evaluate_every: rounds between evaluations; the last round is always evaluated.
        checkpoint_every: rounds between checkpoints; the last round is always saved.
        on_missing: what to do about a reply that is missing, late, or of no use. `fail` stops the run with one line;
            it can be resumed. `keep` goes on with the others: the absent client's parameters, hyper weights and own
            state stay as they were. `wait` asks the client again until it answers, and mixes nothing before.
        min_clients: how many have to answer for a round to count, under `keep`; the run stops with fewer.
        timeout: seconds a client has for one answer, over a network; as long as it takes if not given.
        guard: how long an update may be.
        training: how clients train.
        model: what decoders are like.
        sent: in what form parameters travel.
        privacy: how every client's answers are blurred; not at all if not given. Private runs are not the same twice.
        clients: in order.

    """

    seed: Annotated[Seed, Owner.SERVER] = 0
    rounds: Annotated[Count, Owner.SERVER] = 100
    evaluate_every: Annotated[Count, Owner.SERVER] = 10
    checkpoint_every: Annotated[Count, Owner.SERVER] = 1
    on_missing: Annotated[OnMissing, Owner.SERVER] = "fail"
    min_clients: Annotated[Count, Owner.SERVER] = 1
    timeout: Annotated[Seconds | None, Owner.SERVER] = None
    guard: Annotated[Guard, Owner.SERVER] = Guard()
    training: Annotated[Training, Owner.SERVER] = Training()
    model: Model = Model()
    sent: Compression = Compression()
    privacy: Privacy | None = None
    clients: tuple[ClientEntry, ...] = ()

    @property
    def roster(self) -> tuple[ClientEntry, ...]:
        """The clients, each with its own local epochs."""
        return tuple(each.model_copy(update={"local_epochs": each.local_epochs or 1}) for each in self.clients)

    def absent(self, number: int) -> dict[str, str]:
        """Return which clients do not take part in a round, and why."""
        return {name: why for each in self.clients if (why := each.absence(number)) for name in each.names}


class Site(Section):
    """What one machine says for itself; no other site sees or sets it.

    Attributes:
        device: `auto` is CUDA where there is one.
        workers: processes that load data; 0 loads in this one.
        states: where clients' states and the server's rows are between rounds: in `memory`, or on `disk` alone, for
            hundreds of clients or large models.

    """

    device: str = "auto"
    workers: Workers = 0
    states: Storage = "memory"


HERE = Site()
"""This machine, as it is."""
