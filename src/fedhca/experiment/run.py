"""The for-loop: rounds, and what is written down after each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from fedhca.client.training import Training, Watch
from fedhca.errors import RecipeError, RunFolderError
from fedhca.experiment import journal
from fedhca.experiment.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fedhca.experiment.participant import Participant, make_client
from fedhca.messages import Runtime
from fedhca.methods import Method, make_method
from fedhca.runtimes.local import LocalRuntime
from fedhca.server.roster import Roster
from fedhca.server.rounds import Round, ServerState, begin, rounds

JOURNAL, CHECKPOINTS, CLIENTS = "journal.jsonl", "server", "clients"


def run(
    participants: Sequence[Participant],
    encoder: nn.Module,
    method: Method | str = "fedhca2",
    *,
    training: Training | dict[str, Training] | None = None,
    width: int = 96,
    seed: int = 0,
    device: torch.device | str | None = None,
    evaluate_every: int = 1,
    checkpoint_every: int = 1,
    out: Path | str | None = None,
    watch: Watch | None = None,
) -> Iterator[Round]:
    """Run a federation in this process and yield its rounds.

    Args:
        participants: who takes part; their order is the order of the roster.
        encoder: the backbone all start from (each gets a copy): `fedhca.backbone(...)`, or a module of your own that
            maps pictures to a list of maps, largest first, and has their `channels`.
        method: a name of the catalogue, or a `Method` from `fedhca.methods`.
        training: how clients train, for all alike or by data set; its `rounds` is the length of the run.
        width: channels of the decoders.
        seed: everything random derives from it.
        device: where models live; the CPU if not given.
        evaluate_every: rounds between evaluations.
        checkpoint_every: rounds between checkpoints.
        out: the run folder: journal, checkpoints, clients' states. If it holds an interrupted run of the same
            federation, that run goes on. Nothing is written if not given.
        watch: is told every training step.

    Yields:
        each round, after everything about it is on the disk.

    Raises:
        FedhcaError: with one line that says what to mend.

    """
    if not participants:
        raise RecipeError("A federation should have at least one participant. Found none.")
    folder = None if out is None else Path(out)
    training = training or Training()
    clients = [
        make_client(
            each,
            encoder,
            training=training if isinstance(training, Training) else _of(training, each.dataset or each.name),
            width=width,
            seed=seed,
            device=None if device is None else torch.device(device),
            folder=None if folder is None else folder / CLIENTS / each.name,
            save_every=checkpoint_every,
            watch=watch,
        )
        for each in participants
    ]
    return drive(
        make_method(method) if isinstance(method, str) else method,
        LocalRuntime(clients),
        order=[client.name for client in clients],
        until=clients[0].training.rounds,
        evaluate_every=evaluate_every,
        checkpoint_every=checkpoint_every,
        seed=seed,
        folder=folder,
    )


def _of(training: dict[str, Training], dataset: str) -> Training:
    if dataset not in training:
        known = ", ".join(training) or "none"
        raise RecipeError(f"`training` should say how clients on data set '{dataset}' train. Found {known}. Add it.")
    return training[dataset]


def drive(
    method: Method,
    runtime: Runtime,
    *,
    order: Sequence[str],
    until: int,
    evaluate_every: int = 1,
    checkpoint_every: int = 1,
    seed: int = 0,
    folder: Path | None = None,
) -> Iterator[Round]:
    """Run a federation over any runtime, from the newest checkpoint in the folder if there is one.

    The journal's line comes before the checkpoint and both come before the round is yielded; after a crash, lines
    that the checkpoint does not cover are dropped and made again, bit for bit.
    """
    hellos = list(runtime.hello())
    roster = Roster.of(hellos, order)
    state = begin(method, roster, hellos)
    if folder is not None:
        state = _newest(folder / CHECKPOINTS, Checkpoint(state, roster, method.name, seed))
        journal.rewind(folder / JOURNAL, state.round)
    for each in rounds(method, runtime, roster, state, until=until, evaluate_every=evaluate_every):
        if folder is not None:
            journal.append(folder / JOURNAL, journal.entry(each, roster))
            if each.number % checkpoint_every == 0 or each.number == until:
                save_checkpoint(folder / CHECKPOINTS, Checkpoint(each.state, roster, method.name, seed))
        yield each


def _newest(folder: Path, first: Checkpoint) -> ServerState:
    """Return the newest saved state of the same federation, or the first if there is none."""
    found = load_checkpoint(folder, first.state.encoders.device)
    if found is None:
        return first.state
    differences = {
        "other clients, tasks or models": found.roster != first.roster,
        f"method '{found.method}', not '{first.method}'": found.method != first.method,
        f"seed {found.seed}, not {first.seed}": found.seed != first.seed,
    }
    for what, differs in differences.items():
        if differs:
            raise RunFolderError(f"'{folder}' holds a run of {what}. Choose another folder.")
    return found.state
