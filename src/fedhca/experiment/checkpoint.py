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
from fedhca.server.architecture_group import PARTS, Family, tensor_suffix
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.state import ServerState
from fedhca.storage.state_folder import StateFolder
from fedhca.storage.tensor_file import under
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import not_finite

SERVER = "server"


@dataclass(frozen=True)
class Checkpoint:
    """What the server saves after a round.

    Attributes:
        state: the server's.
        settings: what else the run depends on, as JSON holds it: method, its options, seed, training.

    """

    state: ServerState
    settings: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Save the state after a round; the one before is kept until this one is whole."""
    facts = {"roster": _facts(checkpoint.state.roster), "settings": dict(checkpoint.settings)}
    StateFolder(folder, SERVER).save(checkpoint.state.round, _tensors(checkpoint.state), facts)


def load_checkpoint(
    folder: Path, device: torch.device | None = None, fits: Callable[[Checkpoint], None] = lambda checkpoint: None
) -> Checkpoint | None:
    """Load the newest checkpoint that is whole, finite and `fits`; None if there is none, see `StateFolder.newest`.

    Args:
        folder: of checkpoints.
        device: where rows shall lie.
        fits: raises RunFolderError for a checkpoint from which the run cannot go on.

    Raises:
        RunFolderError: all are broken or not finite, or are no checkpoints of a server.

    """
    states = StateFolder(folder, SERVER)

    def load(rounds: int) -> Checkpoint:
        tensors, facts = states.load(rounds)
        if broken := not_finite(tensors):
            found = f"Found NaN or infinity in `{broken}`: nothing can go on from there"
            raise RunFolderError(f"The checkpoint after {rounds} rounds in '{folder}' should be finite. {found}.")
        with _of_this_version(folder, rounds):
            checkpoint = _checkpoint(rounds, tensors, facts, device)
        fits(checkpoint)
        return checkpoint

    return states.newest(load)


def drop_checkpoints(folder: Path, rounds: int) -> None:
    """Drop the checkpoints after more rounds than these: the run goes on from an earlier one."""
    StateFolder(folder, SERVER).drop_after(rounds)


def load_roster(folder: Path) -> ClientRegistry | None:
    """Load who took part from the newest checkpoint, and no parameters; None, and errors, as in `load_checkpoint`."""
    states = StateFolder(folder, SERVER)

    def load(rounds: int) -> ClientRegistry:
        with _of_this_version(folder, rounds):
            return _roster(states.facts(rounds)["roster"])

    return states.newest(load)


def require_held(checkpoint: Checkpoint, held: Mapping[str, Collection[int] | None]) -> None:
    """Raise RunFolderError if a client cannot go on from a checkpoint: it has no state of its own to go with it.

    Args:
        checkpoint: of the server.
        held: after how many rounds the states are that each client has; None for one that does not say.

    """
    for name, since in zip(checkpoint.state.roster.names, checkpoint.state.since.tolist(), strict=True):
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


def _checkpoint(
    rounds: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], device: torch.device | None
) -> Checkpoint:
    roster = _roster(facts["roster"])
    rows, memories = [], []
    for family in roster.families:
        rows.append(tensors[_rows(family)].to(device))
        found = under(_memory(family), tensors)
        memories.append({name: value.to(device) if name == DIRECTION else value for name, value in found.items()})
    state = ServerState(roster, rounds, tuple(rows), tuple(memories), tensors["since"], tensors.get("begins"))
    return Checkpoint(state, facts["settings"])


def _tensors(state: ServerState) -> dict[str, Tensor]:
    found = {"since": state.since} | ({} if state.begins is None else {"begins": state.begins})
    for family, rows, memory in zip(state.roster.families, state.rows, state.memories, strict=True):
        found |= {_rows(family): rows, **{f"{_memory(family)}{name}": value for name, value in memory.items()}}
    return found


def _rows(family: Family) -> str:
    """Return what the table of a family's rows is called."""
    return f"{family.part}s{family.suffix}"


def _memory(family: Family) -> str:
    """Return what names of the tensors begin with that a family's rule remembers."""
    return f"{family.part}_state{family.suffix}/"


def _facts(roster: ClientRegistry) -> dict[str, Any]:
    """Return members and layouts; which family each client is in only where there are several of a part."""
    layouts = {f"{each.part}{each.suffix}": each.layout.as_json() for each in roster.families}
    numbers: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    for family in roster.families:
        numbers[family.part] |= dict.fromkeys(family.clients, family.number)
    several = {} if len(layouts) == len(PARTS) else {"families": numbers}
    return {"members": [asdict(member) for member in roster.members], **layouts, **several}


def _roster(facts: Mapping[str, Any]) -> ClientRegistry:
    members = tuple(Member(**{**member, "tasks": tuple(member["tasks"])}) for member in facts["members"])
    known = {key: Layout.from_json(facts[key]) for key in facts.keys() - {"members", "families"}}
    numbers = facts.get("families") or {part: dict.fromkeys((each.client for each in members), 1) for part in PARTS}
    layouts = (tuple(known[f"{part}{tensor_suffix(numbers[part][each.client])}"] for part in PARTS) for each in members)
    return ClientRegistry(members, tuple(layouts))  # type: ignore[arg-type]
