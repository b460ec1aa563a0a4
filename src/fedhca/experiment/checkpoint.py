"""The server's state on disk."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.layout import Layout
from fedhca.server.roster import Roster
from fedhca.server.rounds import ServerState
from fedhca.state_folder import StateFolder

SERVER = "server"


def save_checkpoint(folder: Path, state: ServerState, roster: Roster) -> None:
    """Save the state after a round; the one before is kept until this one is whole."""
    StateFolder(folder, SERVER).save(state.round, _tensors(state), {"roster": _facts(roster)})


def load_checkpoint(folder: Path, device: torch.device | None = None) -> tuple[ServerState, Roster] | None:
    """Load the newest state and the roster it is of, None if there is none.

    Raises:
        RunFolderError: the file is broken, or is no checkpoint of a server.

    """
    states = StateFolder(folder, SERVER)
    rounds = states.latest()
    if rounds == 0:
        return None
    tensors, facts = states.load(rounds)
    tensors = {name: value.to(device) for name, value in tensors.items()}
    state = ServerState(
        rounds,
        tensors["encoders"],
        tensors["decoders"],
        _under("encoder_state/", tensors),
        _under("decoder_state/", tensors),
    )
    return state, _roster(facts["roster"])


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
        "members": [asdict(member) for member in roster.members],
        "encoder": roster.encoder_layout.as_json(),
        "decoder": roster.decoder_layout.as_json(),
    }


def _roster(facts: Mapping[str, Any]) -> Roster:
    members = tuple(Member(**{**member, "tasks": tuple(member["tasks"])}) for member in facts["members"])
    return Roster(members, Layout.from_json(facts["encoder"]), Layout.from_json(facts["decoder"]))
