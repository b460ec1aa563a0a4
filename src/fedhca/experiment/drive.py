"""The for-loop over any runtime: rounds, and what is written down after each. No model, no data."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from fedhca.compression import Sent
from fedhca.errors import MissingReplyError, RecipeError, RunFolderError
from fedhca.experiment import journal
from fedhca.experiment.checkpoint import Checkpoint, drop_checkpoints, load_checkpoint, require_held, save_checkpoint
from fedhca.experiment.difference import first_difference
from fedhca.messages import Hello, Runtime
from fedhca.methods import Method
from fedhca.server.attendance import NOBODY_AWAY, Attendance
from fedhca.server.family import apart, in_words
from fedhca.server.guard import Guard
from fedhca.server.policy import Policy
from fedhca.server.replies import Tell, greet
from fedhca.server.roster import Roster
from fedhca.server.rounds import Round, ServerState, begin, rounds
from fedhca.tables import mapped_like, new_like

log = logging.getLogger(__name__)

Place = Literal["memory", "disk"]
"""Where rows and states are between rounds."""

JOURNAL, CHECKPOINTS = "journal.jsonl", "server"


def drive(
    method: Method,
    runtime: Runtime,
    *,
    order: Sequence[str],
    until: int,
    evaluate_every: int = 1,
    checkpoint_every: int = 1,
    settings: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    policy: Policy = Policy(),
    tell: Tell = lambda missing: None,
    states: Place = "memory",
    sent: Sent = Sent(),
    attendance: Attendance = NOBODY_AWAY,
    guard: Guard = Guard(),
) -> Iterator[Round]:
    """Run a federation over any runtime, from the newest checkpoint in the folder if there is one.

    What the run depends on beside its clients is in `settings`; a folder with other settings is refused. Clients that
    do not answer are met by the policy, and `tell` hears of each at once; who does not say hello can be gone without
    under `keep` only once there is a checkpoint, which knows everybody. The guard says how long an update may be.

    Parameters travel in the forms of `sent`. With `states: disk` the server's rows lie in mapped files in the folder:
    memory need not hold them.

    The journal's line comes before the checkpoint and both come before the round is yielded; after a crash, lines
    that the checkpoint does not cover are dropped and made again, bit for bit. So are checkpoints after the one that
    is taken, which are broken, or which some client has no state to go with.
    """
    for name, value in (("evaluate_every", evaluate_every), ("checkpoint_every", checkpoint_every)):
        if value < 1:
            raise RecipeError(f"`{name}` should be at least 1. Found {value}.")
    if folder is not None and checkpoint_every > 1 and policy.on_missing != "fail":
        found = f"Found {checkpoint_every} with `on_missing: {policy.on_missing}`"
        raise RecipeError(f"`checkpoint_every` should be 1: a client may have to go back one round. {found}.")
    settings = {"method": method.name} if settings is None else settings
    if states == "disk" and folder is None:
        raise RecipeError("States on disk should have a run folder to lie in. Found none. Give `out`.")
    table = _tables(states, folder)
    hellos = greet(runtime, order, policy, tell=tell)
    state = _start(method, hellos, order, settings, folder, policy, table, attendance)
    del hellos
    for line in in_words(apart(state.roster.families)):
        warnings.warn(line, stacklevel=2)
    if states == "disk":
        state = replace(state, rows=tuple(rows.cpu() for rows in state.rows))
    if folder is not None:
        # Checkpoints first: the journal must never hold fewer rounds than the newest of them, wherever this breaks off.
        drop_checkpoints(folder / CHECKPOINTS, state.round)
        journal.rewind(folder / JOURNAL, state.round)
        log.info("%s goes on after round %d of %d", folder, state.round, until)
    going = rounds(
        method,
        runtime,
        state,
        until=until,
        evaluate_every=evaluate_every,
        policy=policy,
        tell=tell,
        table=table,
        sent=sent,
        attendance=attendance,
        guard=guard,
    )
    del state  # this loop must not be what keeps the rows of the first round in memory
    for each in going:
        if folder is not None:
            journal.append(folder / JOURNAL, journal.entry(each))
            if each.number % checkpoint_every == 0 or each.number == until:
                began = time.perf_counter()
                save_checkpoint(folder / CHECKPOINTS, Checkpoint(each.state, settings))
                log.info("round %d saved in %s, %.2f s", each.number, folder, time.perf_counter() - began)
        yield each


def _tables(states: Place, folder: Path | None) -> Callable[[Tensor], Tensor]:
    """Return what makes the server's tables of rows."""
    if states == "disk" and folder is not None:
        return partial(mapped_like, folder=folder / CHECKPOINTS)
    return new_like


def _start(
    method: Method,
    hellos: Mapping[str, Hello],
    order: Sequence[str],
    settings: Mapping[str, Any],
    folder: Path | None,
    policy: Policy,
    table: Callable[[Tensor], Tensor],
    attendance: Attendance,
) -> ServerState:
    """Return the newest saved state of the same run, or the first if there is none."""
    if not hellos:
        raise MissingReplyError("Some client should say hello. None did.")
    roster = Roster.of(hellos.values(), [name for name in order if name in hellos])
    saved = None if folder is None else _saved(folder / CHECKPOINTS, hellos, policy)
    if folder is None or saved is None:
        absent = [name for name in order if name not in hellos]
        if absent:
            raise MissingReplyError(f"Every client should say hello before the first round. Missing: {absent}.")
        return begin(method, roster, list(hellos.values()), table, attendance)
    before = saved.state.roster
    if before.names != tuple(order) or before.among(roster.names) != roster:
        raise RunFolderError(f"'{folder}' holds a run of other clients, tasks or models. Choose another folder.")
    if saved.settings != settings:
        changed = first_difference(saved.settings, settings)
        raise RunFolderError(f"'{folder}' holds a run with other settings: {changed}. Choose another folder.")
    return saved.state


def _saved(folder: Path, hellos: Mapping[str, Hello], policy: Policy) -> Checkpoint | None:
    """Return the newest checkpoint that all clients can go on from; under `keep` one who cannot is gone without."""
    device = next(iter(hellos.values())).parameters.encoder.device
    held = {name: hello.held for name, hello in hellos.items()}
    try:
        return load_checkpoint(folder, device, lambda checkpoint: require_held(checkpoint, held))
    except RunFolderError:
        if policy.on_missing != "keep":
            raise
        return load_checkpoint(folder, device)
