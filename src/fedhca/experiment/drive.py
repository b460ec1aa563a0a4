"""The for-loop over any runtime: rounds, and what is written down after each. No model, no data."""

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.config.federation import Federation, Storage, Training
from fedhca.errors import MissingReplyError, RecipeError, RunFolderError
from fedhca.experiment import journal
from fedhca.experiment.checkpoint import Checkpoint, drop_checkpoints, load_checkpoint, require_held, save_checkpoint
from fedhca.experiment.difference import first_difference
from fedhca.methods import Method
from fedhca.server.architecture_group import architecture_lines, architectures
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.replies import Tell, register
from fedhca.server.rounds import initial_state, rounds
from fedhca.server.state import Round, ServerState
from fedhca.storage.tables import mapped_like, new_like
from fedhca.wire.messages import Hello, Runtime

log = logging.getLogger(__name__)

JOURNAL, CHECKPOINTS, CLIENTS = "journal.jsonl", "server", "clients"


def drive(
    method: Method,
    runtime: Runtime,
    federation: Federation,
    folder: Path | None = None,
    states: Storage = "memory",
    tell: Tell = lambda missing: None,
) -> Iterator[Round]:
    """Run a federation over any runtime, from the newest checkpoint in the folder if there is one.

    A folder of a federation that is run otherwise is refused. `tell` hears of each reply that is missing, at once; a
    client that does not register can be gone without under `keep` only once there is a checkpoint, which knows all.
    With `states` on disk the server's rows lie in mapped files in the folder: memory need not hold them.

    The journal's line comes before the checkpoint and both come before the round is yielded; after a crash, lines
    that the checkpoint does not cover are dropped and made again, bit for bit. So are checkpoints after the one that
    is taken, which are broken, or which some client has no state to go with.
    """
    if folder is not None and federation.checkpoint_every > 1 and federation.on_missing != "fail":
        found = f"Found {federation.checkpoint_every} with `on_missing: {federation.on_missing}`"
        raise RecipeError(f"`checkpoint_every` should be 1: a client may have to go back one round. {found}.")
    if states == "disk" and folder is None:
        raise RecipeError("States on disk should have a run folder to lie in. Found none. Give `out`.")
    settings = run_settings(method, federation)
    table = _tables(states, folder)
    order = [client.name for client in federation.roster]
    hellos = register(runtime, order, federation, tell=tell)
    state = replace(_start(method, hellos, federation, settings, folder, table), table=table)
    del hellos
    for line in architecture_lines(architectures(state.roster.families)):
        warnings.warn(line, stacklevel=2)
    if states == "disk":
        state = replace(state, rows=tuple(rows.cpu() for rows in state.rows))
    if folder is not None:
        # Checkpoints first: the journal must never hold fewer rounds than the newest of them, wherever this breaks off.
        drop_checkpoints(folder / CHECKPOINTS, state.round)
        journal.rewind(folder / JOURNAL, state.round)
        log.info("%s goes on after round %d of %d", folder, state.round, federation.rounds)
    going = rounds(method, runtime, state, federation, tell)
    del state  # this loop must not be what keeps the rows of the first round in memory
    for each in going:
        if folder is not None:
            journal.append(folder / JOURNAL, journal.entry(each))
            if each.number % federation.checkpoint_every == 0 or each.number == federation.rounds:
                began = time.perf_counter()
                save_checkpoint(folder / CHECKPOINTS, Checkpoint(each.state, settings))
                log.info("round %d saved in %s, %.2f s", each.number, folder, time.perf_counter() - began)
        yield each


def run_settings(method: Method, federation: Federation) -> dict[str, Any]:
    """Return what a run depends on beside its clients, as a checkpoint holds it.

    The number of loading processes changes nothing. Who is away when, a guard and privacy are there only where there
    are any, so that runs from before can go on.
    """
    training, roster = federation.training.model_dump(include={*Training.model_fields}), federation.roster
    trainings = {
        client.dataset: {"rounds": federation.rounds, "local_epochs": client.local_epochs, **training, "workers": None}
        for client in roster
    }
    found = {"method": method.name, "options": method.options, "seed": federation.seed, "training": trainings}
    windows = {each.name: {"joins": each.joins, "leaves": each.leaves} for each in roster}
    away = {name: each for name, each in windows.items() if each != {"joins": 1, "leaves": None}}
    epochs = {each.name: each.local_epochs for each in roster}
    own = {each.name for each in roster if trainings[each.dataset]["local_epochs"] != each.local_epochs}
    beside = {
        "attendance": away,
        "local_epochs": epochs if own else {},
        "guard": federation.guard.model_dump() if federation.guard.on else {},
        "privacy": federation.privacy.model_dump() if federation.privacy else {},
    }
    present = {name: value for name, value in beside.items() if value}
    return json.loads(json.dumps({**found, "sent": federation.sent.model_dump(), **present}))


def _tables(states: Storage, folder: Path | None) -> Callable[[Tensor], Tensor]:
    """Return what makes the server's tables of rows."""
    if states == "disk" and folder is not None:
        return partial(mapped_like, folder=folder / CHECKPOINTS)
    return new_like


def _start(
    method: Method,
    hellos: Mapping[str, Hello],
    federation: Federation,
    settings: Mapping[str, Any],
    folder: Path | None,
    table: Callable[[Tensor], Tensor],
) -> ServerState:
    """Return the newest saved state of the same run, or the first if there is none."""
    if not hellos:
        raise MissingReplyError("Some client should say hello. None did.")
    order = [client.name for client in federation.roster]
    roster = ClientRegistry.of(hellos.values(), [name for name in order if name in hellos])
    saved = None if folder is None else _saved(folder / CHECKPOINTS, hellos, federation)
    if folder is None or saved is None:
        absent = [name for name in order if name not in hellos]
        if absent:
            raise MissingReplyError(f"Every client should say hello before the first round. Missing: {absent}.")
        return initial_state(method, roster, list(hellos.values()), federation, table)
    before = saved.state.roster
    if before.names != tuple(order) or before.among(roster.names) != roster:
        raise RunFolderError(f"'{folder}' holds a run of other clients, tasks or models. Choose another folder.")
    if saved.settings != settings:
        changed = first_difference(saved.settings, settings)
        raise RunFolderError(f"'{folder}' holds a run with other settings: {changed}. Choose another folder.")
    return saved.state


def _saved(folder: Path, hellos: Mapping[str, Hello], federation: Federation) -> Checkpoint | None:
    """Return the newest checkpoint that all clients can go on from; under `keep` one who cannot is gone without."""
    device = next(iter(hellos.values())).parameters.encoder.device
    held = {name: hello.held for name, hello in hellos.items()}
    try:
        return load_checkpoint(folder, device, lambda checkpoint: require_held(checkpoint, held))
    except RunFolderError:
        if federation.on_missing != "keep":
            raise
        return load_checkpoint(folder, device)
