"""A client's state: what stays home between rounds, in the trainer, in memory, or on the disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.client.home_tensors import MOMENTS, pack_parameters, unpack_parameters
from fedhca.client.shared_trainer import SharedTrainer, Swapped
from fedhca.client.trainer import Trainer
from fedhca.config.federation import Storage
from fedhca.errors import ClientError, RecipeError
from fedhca.storage.state_folder import StateFolder
from fedhca.storage.tensor_file import under
from fedhca.wire.parameters import Parameters

KEPT = 3
"""States in its folder: where the server goes back a round, perhaps after a crash, the client goes back one further."""

TRAINED, RESIDUAL, OWN = "trained/", "owed/", "own/"
"""What begins the names of what is saved beside heads, buffers and moments."""


class ClientState:
    """Heads, buffers and moments of a client's model, and what a method or compression keeps beside.

    Args:
        client: its name.
        shared: the trainer in which the client takes its turns.
        folder: where the state is saved; it is nowhere but in memory if not given.
        storage: where it is between rounds: in `memory`, or on `disk` alone.

    Attributes:
        rounds: after how many rounds it is.
        whole: false where training broke off between two rounds.
        trained: encoder and decoders after the last training, under FedAMP.
        residual: what was left over when the last answer was put into fewer bits.
        own: the second model of Ditto.

    Raises:
        RecipeError: the state shall be on disk alone, and has no folder.

    """

    def __init__(self, client: str, shared: SharedTrainer, folder: Path | None, storage: Storage = "memory") -> None:
        if storage == "disk" and folder is None:
            raise RecipeError("A client whose state is on disk should have a folder. Found none. Give `out`.")
        self.client, self.shared, self.storage = client, shared, storage
        self.files = None if folder is None else StateFolder(folder, client, kept=KEPT)
        self.home = Swapped(shared.first)
        self.own: Swapped | None = None
        self.trained: Parameters | None = None
        self.residual: Parameters | None = None
        self.rounds, self.whole = 0, True
        self.saved = 0  # the last state in the folder that this one came from

    @property
    def trainer(self) -> Trainer:
        """The trainer with the model that takes in what the server hands out."""
        return self.shared.swap_in(self.home)

    @property
    def own_trainer(self) -> Trainer | None:
        """The trainer with Ditto's second model; None where there is none yet."""
        return None if self.own is None else self.shared.swap_in(self.own)

    def begin_own(self, parameters: Parameters) -> Trainer:
        """Return the trainer with a second model, which starts where the first one stands, its optimiser at rest."""
        if self.own is None:
            home = {name: value for name, value in self.trainer.state().items() if not name.startswith(MOMENTS)}
            own = {**home, **pack_parameters("", parameters)}
            self.own = Swapped({name: value.detach().clone() for name, value in own.items()})
        return self.shared.swap_in(self.own)

    def go_to(self, rounds: int) -> None:
        """Take the state after so many rounds, from the folder if this is not it.

        Raises:
            ClientError: the state is another, or training broke off, and there is no folder.
            RunFolderError: the folder has no such state.

        """
        if rounds == self.rounds and self.whole:
            return
        if rounds == 0:
            self.restore(self.shared.first)
        elif self.files is None:
            at = f"after {self.rounds} rounds" if self.whole else "in the middle of a round"
            held = f"Client '{self.client}' holds its state {at}"
            raise ClientError(f"{held}. Asked for that after {rounds}. Give it a folder, so that it can go back.")
        else:
            self.restore(self.files.load(rounds)[0])
        self.rounds, self.saved, self.whole = rounds, rounds, True

    def save(self, facts: Mapping[str, Any] | None) -> None:
        """Save the state in the folder, if there is one."""
        if self.files is not None:
            self.files.save(self.rounds, self.tensors(), facts, since=self.saved)
            self.saved = self.rounds

    def tensors(self) -> dict[str, Tensor]:
        """Return all that must not be lost, by name."""
        found = dict(self.shared.tensors(self.home))
        for prefix, kept in ((TRAINED, self.trained), (RESIDUAL, self.residual)):
            if kept is not None:
                found |= pack_parameters(prefix, kept)
        if self.own is not None:
            found |= {f"{OWN}{name}": value for name, value in self.shared.tensors(self.own).items()}
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` returned."""
        self._swap_out()
        device = self.shared.trainer.device
        self.trained, self.residual = (unpack_parameters(prefix, tensors, device) for prefix in (TRAINED, RESIDUAL))
        own = under(OWN, tensors)
        self.own = Swapped(own) if own else None
        beside = (TRAINED, RESIDUAL, OWN)
        self.home = Swapped({name: value for name, value in tensors.items() if not name.startswith(beside)})

    def rest(self) -> None:
        """Let go of the state where it is on disk alone: the next request brings it back from there."""
        if self.storage == "disk":
            self._swap_out()
            self.home, self.own, self.trained, self.residual, self.whole = Swapped({}), None, None, None, False

    def _swap_out(self) -> None:
        if self.shared.inside in (self.home, self.own):
            self.shared.forget()
