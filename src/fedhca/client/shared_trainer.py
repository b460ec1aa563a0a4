"""One model in memory that many clients of one kind take turns in: hundreds of clients without hundreds of models."""

from collections.abc import Mapping

from torch import Tensor

from fedhca.client.home_tensors import pack_parameters, unpack_parameters
from fedhca.client.trainer import Trainer
from fedhca.wire.parameters import Parameters


class Swapped:
    """What one model of one client has learnt, while another's is in the trainer.

    Args:
        tensors: what does not travel, by name; and what would, packed, of a model that never leaves (Ditto's).

    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors: Mapping[str, Tensor] | None = tensors
        self.stays = unpack_parameters("", tensors) is not None


class SharedTrainer:
    """A trainer, and whose state is in it.

    A swap moves the optimiser's moments and copies heads and buffers, which are small; what travels is installed by
    each client anyway.

    Args:
        trainer: of the architecture and tasks that the clients have in common.

    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.first = {name: tensor.clone() for name, tensor in trainer.state().items()}
        self.inside: Swapped | None = None
        self.beginning: Parameters | None = None

    def begin(self) -> Parameters:
        """Return what travels as it was at the first call, which is to be before any training."""
        self.beginning = self.beginning or self.trainer.model.collect()
        return self.beginning

    def swap_in(self, swapped: Swapped) -> Trainer:
        """Put a state into the trainer, and the one that was there aside; return the trainer with it."""
        if self.inside is swapped:
            return self.trainer
        tensors = self.tensors(swapped)
        if self.inside is not None:
            self.inside.tensors = {**self.trainer.swap_out(), **self._travelling(self.inside)}
        self.trainer.swap_in(tensors)
        if swapped.stays and (parameters := unpack_parameters("", tensors)) is not None:
            self.trainer.model.install(parameters)
        self.inside, swapped.tensors = swapped, None
        return self.trainer

    def tensors(self, swapped: Swapped) -> Mapping[str, Tensor]:
        """Return a state by name, wherever it is; tensors of the trainer change as it trains."""
        if swapped.tensors is not None:
            return swapped.tensors
        return {**self.trainer.state(), **self._travelling(swapped)}

    def forget(self) -> None:
        """Let the state in the trainer go; its owner has it elsewhere."""
        self.inside = None
        self.trainer.swap_out()

    def _travelling(self, swapped: Swapped) -> dict[str, Tensor]:
        return pack_parameters("", self.trainer.model.collect()) if swapped.stays else {}
