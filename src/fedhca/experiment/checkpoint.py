"""The server's state on disk."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.aggregation.aggregator import DIRECTION
from fedhca.errors import RunFolderError
from fedhca.layout import Layout
from fedhca.server.roster import Roster
from fedhca.server.rounds import ServerState
from fedhca.state_folder import StateFolder
from fedhca.tensor_file import under

SERVER = "server"


@dataclass(frozen=True)
class Checkpoint:
    """What the server saves after a round.

    Attributes:
        state: the server's.
        roster: the clients it is of.
        settings: what else the run depends on, as JSON holds it: method, its options, seed, training.

    """

    state: ServerState
    roster: Roster
    settings: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Save the state after a round; the one before is kept until this one is whole."""
    facts = {"roster": _facts(checkpoint.roster), "settings": dict(checkpoint.settings)}
    StateFolder(folder, SERVER).save(checkpoint.state.round, _tensors(checkpoint.state), facts)


def load_checkpoint(
    folder: Path,
    device: torch.device | None = None,
    fits: Callable[[Checkpoint], None] = lambda checkpoint: None,
) -> Checkpoint | None:
    """Load the newest checkpoint that is whole, and that `fits`; None if there is none, see `StateFolder.newest`.

    Args:
        folder: of checkpoints.
        device: where rows shall lie.
        fits: raises RunFolderError for a checkpoint from which the run cannot go on.

    Raises:
        RunFolderError: all are broken, or are no checkpoints of a server.

    """
    states = StateFolder(folder, SERVER)

    def load(rounds: int) -> Checkpoint:
        tensors, facts = states.load(rounds)
        with _of_this_version(folder, rounds):
            rows = {name for name in tensors if name.rpartition("/")[2] in ("encoders", "decoders", DIRECTION)}
            placed = {name: value.to(device) if name in rows else value for name, value in tensors.items()}
            checkpoint = _checkpoint(rounds, placed, facts)
        fits(checkpoint)
        return checkpoint

    return states.newest(load)


def drop_checkpoints(folder: Path, rounds: int) -> None:
    """Drop the checkpoints after more rounds than these: the run goes on from an earlier one."""
    StateFolder(folder, SERVER).drop_after(rounds)


def load_roster(folder: Path) -> Roster | None:
    """Load who took part from the newest checkpoint, and no parameters; None, and errors, as in `load_checkpoint`."""
    states = StateFolder(folder, SERVER)

    def load(rounds: int) -> Roster:
        with _of_this_version(folder, rounds):
            return _roster(states.facts(rounds)["roster"])

    return states.newest(load)


def require_held(checkpoint: Checkpoint, held: Mapping[str, Collection[int] | None]) -> None:
    """Raise RunFolderError if a client cannot go on from a checkpoint: it has no state of its own to go with it.

    Args:
        checkpoint: of the server.
        held: after how many rounds the states are that each client has; None for one that does not say.

    """
    for name, since in zip(checkpoint.roster.names, checkpoint.state.since.tolist(), strict=True):
        has = held.get(name)
        if since and has is not None and since not in has:
            expected = f"Client '{name}' should have its state after {since} rounds, whole"
            found = f"those after {', '.join(map(str, has))}" if has else "none"
            raise RunFolderError(f"{expected}. Found {found}. Restore it from a copy, or start the run anew.")


@contextmanager
def _of_this_version(folder: Path, rounds: int) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        message = f"The checkpoint after {rounds} rounds in '{folder}' should be one of this version of fedhca"
        raise RunFolderError(f"{message}. Found one without {error}. Start the run anew.") from error


def _checkpoint(rounds: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Checkpoint:
    state = ServerState(
        rounds,
        tensors["encoders"],
        tensors["decoders"],
        under("encoder_state/", tensors),
        under("decoder_state/", tensors),
        tensors["since"],
    )
    return Checkpoint(state, _roster(facts["roster"]), facts["settings"])


def _tensors(state: ServerState) -> dict[str, Tensor]:
    return {
        "encoders": state.encoders,
        "decoders": state.decoders,
        "since": state.since,
        **{f"encoder_state/{name}": value for name, value in state.encoder_state.items()},
        **{f"decoder_state/{name}": value for name, value in state.decoder_state.items()},
    }


def _facts(roster: Roster) -> dict[str, Any]:
    return {
        "members": [asdict(member) for member in roster.members],
        "encoder": roster.encoder_layout.as_json(),
        "decoder": roster.decoder_layout.as_json(),
    }


def _roster(facts: Mapping[str, Any]) -> Roster:
    members = tuple(Member(**{**member, "tasks": tuple(member["tasks"])}) for member in facts["members"])
    return Roster(members, Layout.from_json(facts["encoder"]), Layout.from_json(facts["decoder"]))
