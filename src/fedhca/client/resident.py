"""One module in memory that many clients of one kind take turns in: hundreds of clients without hundreds of modules."""

from collections.abc import Mapping

from torch import Tensor

from fedhca.client.learner import Learner
from fedhca.client.state import pack, unpack
from fedhca.parameters import Parameters


class Held:
    """What one model of one client has learnt, while another's is in the module.

    Args:
        tensors: what does not travel, by name; and what would, packed, of a model that never leaves (Ditto's).

    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors: Mapping[str, Tensor] | None = tensors
        self.stays = unpack("", tensors) is not None


class Resident:
    """A module and its optimiser, and whose state is in them.

    A change of state moves the optimiser's moments and copies heads and buffers, which are small; what travels is
    installed by each client anyway.

    Args:
        learner: of the architecture and tasks that the clients have in common.

    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.first = {name: tensor.clone() for name, tensor in learner.state().items()}
        self.inside: Held | None = None
        self.beginning: Parameters | None = None

    def begin(self) -> Parameters:
        """Return what travels as it was when this was first asked for, which is to be before anybody learns."""
        self.beginning = self.beginning or self.learner.model.collect()
        return self.beginning

    def hold(self, held: Held) -> Learner:
        """Put a state into the module, and the one that was there aside; return the learner with it."""
        if self.inside is held:
            return self.learner
        tensors = self.tensors(held)
        if self.inside is not None:
            self.inside.tensors = self._taken_out(self.inside)
        self.learner.enter(tensors)
        if held.stays and (parameters := unpack("", tensors)) is not None:
            self.learner.model.install(parameters)
        self.inside, held.tensors = held, None
        return self.learner

    def tensors(self, held: Held) -> Mapping[str, Tensor]:
        """Return a state by name, wherever it is; those of the module change as it learns."""
        if held.tensors is not None:
            return held.tensors
        travelling = pack("", self.learner.model.collect()) if held.stays else {}
        return {**self.learner.state(), **travelling}

    def forget(self) -> None:
        """Let the state in the module go; its owner has it elsewhere."""
        self.inside = None
        self.learner.leave()

    def _taken_out(self, held: Held) -> dict[str, Tensor]:
        travelling = pack("", self.learner.model.collect()) if held.stays else {}
        return {**self.learner.leave(), **travelling}
