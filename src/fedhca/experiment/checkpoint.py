"""The server's state on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.errors import RunFolderError
from fedhca.server.roster import Roster
from fedhca.server.rounds import ServerState
from fedhca.state_folder import StateFolder

SERVER = "server"


def save_checkpoint(folder: Path, state: ServerState, roster: Roster) -> None:
    """Save the state after a round; the one before is kept until this one is whole."""
    StateFolder(folder, SERVER).save(state.round, _tensors(state), {"roster": _facts(roster)})


def load_checkpoint(folder: Path, roster: Roster) -> ServerState | None:
    """Load the newest state, None if there is none.

    Raises:
        RunFolderError: the file is broken, or of a federation with other clients or another architecture.

    """
    states = StateFolder(folder, SERVER)
    rounds = states.latest()
    if rounds == 0:
        return None
    tensors, facts = states.load(rounds)
    if facts["roster"] != _facts(roster):
        raise RunFolderError(f"'{folder}' holds a federation of other clients, tasks or models. Choose another folder.")
    return ServerState(
        rounds,
        tensors["encoders"],
        tensors["decoders"],
        _under("encoder_state/", tensors),
        _under("decoder_state/", tensors),
    )


def _tensors(state: ServerState) -> dict[str, Tensor]:
    return {
        "encoders": state.encoders,
        "decoders": state.decoders,
        **{f"encoder_state/{name}": value for name, value in state.encoder_state.items()},
        **{f"decoder_state/{name}": value for name, value in state.decoder_state.items()},
    }


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _facts(roster: Roster) -> dict[str, Any]:
    return {
        "clients": [[member.client, member.dataset, list(member.tasks)] for member in roster.members],
        "encoder": roster.encoder_layout.as_json(),
        "decoder": roster.decoder_layout.as_json(),
    }
