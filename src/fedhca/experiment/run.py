"""A federation in this process: every participant becomes a client here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fedhca.client.privacy import Privacy
from fedhca.client.samples import look
from fedhca.client.training import Training, Watch
from fedhca.compression import Sent
from fedhca.data.augmented import Augmented
from fedhca.errors import RecipeError
from fedhca.experiment.drive import Place, drive
from fedhca.experiment.participant import Clients, Participant
from fedhca.lock import in_use
from fedhca.methods import Method, make_method
from fedhca.models.decoder import Decoder, MakeDecoder, Start
from fedhca.runtimes.local import LocalRuntime
from fedhca.server.attendance import NOBODY_AWAY, Attendance, Span
from fedhca.server.guard import Guard
from fedhca.server.policy import Policy
from fedhca.server.replies import Tell
from fedhca.server.rounds import Round

CLIENTS = "clients"


def run(
    participants: Sequence[Participant],
    encoder: nn.Module | None = None,
    method: Method | str = "fedhca2",
    *,
    training: Training | dict[str, Training] | None = None,
    width: int = 96,
    decoder: MakeDecoder = Decoder,
    decoders: Start = "alike",
    seed: int = 0,
    device: torch.device | str | None = None,
    evaluate_every: int = 1,
    checkpoint_every: int = 1,
    out: Path | str | None = None,
    states: Place = "memory",
    sent: Sent = Sent(),
    privacy: Privacy | None = None,
    watch: Watch | None = None,
    policy: Policy = Policy(),
    tell: Tell = lambda missing: None,
    guard: Guard = Guard(),
) -> Iterator[Round]:
    """Run a federation in this process and yield its rounds.

    Args:
        participants: who takes part; their order is the order of the roster.
        encoder: the backbone all start from (each gets a copy) who have none of their own: `fedhca.backbone(...)`, or
            a module of your own that maps pictures to a list of maps, largest first, and has their `channels`.
        method: a name of the catalogue, or a `Method` from `fedhca.methods`.
        training: how clients train, for all alike or by data set; its `rounds` is the length of the run.
        width: channels of the decoders, but of participants with a width of their own.
        decoder: what makes decoders, likewise; see `fedhca.models.MakeDecoder`.
        decoders: whether all decoders start `alike`, so that mixing them means something from the first round, or
            `apart`, each from a draw of its own, as in the released code.
        seed: everything random derives from it.
        device: where models live; the CPU if not given.
        evaluate_every: rounds between evaluations.
        checkpoint_every: rounds between checkpoints.
        out: the run folder: journal, checkpoints, clients' states. If it holds an interrupted run of the same
            federation, that run goes on; one process at a time may. Nothing is written if not given.
        states: where clients' states and the server's rows are between rounds: in `memory`, or on `disk` alone, under
            `out`, for hundreds of clients or large models.
        sent: in what form parameters travel, to clients and back; here nothing travels, and the numbers are as if.
        privacy: how every client's answers are blurred; not at all if not given. Private runs are not the same twice.
        watch: is told every training step.
        policy: what to do about clients that cannot go on (a loss that is not finite, a file that cannot be read).
        tell: is told of each of them, at once.
        guard: how long an update may be beside the others'; whoever it refuses has to go back a round, which needs
            `out`.

    Yields:
        each round, after its line in the journal, and its checkpoint if one is due, are on the disk.

    Raises:
        FedhcaError: with one line that says what to mend.

    """
    if not participants:
        raise RecipeError("A federation should have at least one participant. Found none.")
    for each in participants:
        for pictures, split in ((each.train, "training"), (each.test, "test")):
            if not isinstance(pictures, Augmented):  # what a `Source` reads, `fedhca check` looks at
                look(pictures, each.tasks, f"Client '{each.name}', {split} data", train=split == "training")
    folder = None if out is None else Path(out)
    training = training or Training()
    place = None if device is None else torch.device(device)
    make = Clients(encoder, width=width, decoder=decoder, decoders=decoders, seed=seed, device=place).make
    clients = [
        make(
            each,
            training if isinstance(training, Training) else _of(training, each.dataset or each.name),
            privacy=privacy,
            folder=None if folder is None else folder / CLIENTS / each.name,
            save_every=checkpoint_every,
            rests=states,
            watch=watch,
        )
        for each in participants
    ]
    lengths = {client.training.rounds for client in clients}
    if len(lengths) > 1:
        raise RecipeError(f"All clients should train for the same number of rounds. Found {sorted(lengths)}.")
    attendance = {each.name: each.span for each in participants if each.span != Span()}
    made = make_method(method) if isinstance(method, str) else method
    going = drive(
        made,
        LocalRuntime(clients),
        order=[client.name for client in clients],
        until=clients[0].training.rounds,
        evaluate_every=evaluate_every,
        checkpoint_every=checkpoint_every,
        settings=settings(
            made, seed, {client.dataset: client.training for client in clients}, sent, attendance, guard, privacy
        ),
        folder=folder,
        policy=policy,
        tell=tell,
        states=states,
        sent=sent,
        attendance=attendance,
        guard=guard,
    )
    return going if folder is None else _alone(folder, going)


def _alone(folder: Path, going: Iterator[Round]) -> Iterator[Round]:
    with in_use(folder):
        yield from going


def _of(training: dict[str, Training], dataset: str) -> Training:
    if dataset not in training:
        known = ", ".join(training) or "none"
        raise RecipeError(f"`training` should say how clients on data set '{dataset}' train. Found {known}. Add it.")
    return training[dataset]


def settings(
    method: Method,
    seed: int,
    trainings: Mapping[str, Training],
    sent: Sent,
    attendance: Attendance = NOBODY_AWAY,
    guard: Guard = Guard(),
    privacy: Privacy | None = None,
) -> dict[str, Any]:
    """Return what a run depends on beside its clients; the number of loading processes changes nothing.

    Who is away when, a guard and privacy are there only where there are any, so that runs from before can go on.
    """
    training = {name: {**asdict(each), "workers": None} for name, each in trainings.items()}
    found = {"method": method.name, "options": method.options, "seed": seed, "training": training}
    spans = {"attendance": {name: asdict(span) for name, span in attendance.items()}} if attendance else {}
    guarded = {"guard": asdict(guard)} if guard.on else {}
    blurred = {} if privacy is None else {"privacy": asdict(privacy)}
    return json.loads(json.dumps({**found, "sent": asdict(sent), **spans, **guarded, **blurred}))
