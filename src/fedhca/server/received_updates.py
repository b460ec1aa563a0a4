"""Where replies are put as they come: a table for each family of rows, in the order of the roster."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor

from fedhca.errors import ClientError, LayoutError
from fedhca.server.client_registry import ClientRegistry
from fedhca.storage.tables import new_like
from fedhca.wire.compression import Compressed
from fedhca.wire.messages import TrainReply
from fedhca.wire.parameters import Parameters


@dataclass(frozen=True)
class ReceivedUpdates:
    """What clients sent in one round. A reply's parameters are copied to their place once; its own are let go.

    Attributes:
        roster: whose rows they are.
        tables: rows of those who answered, a table for each family; the others' are not looked at.
        names: of those who answered.
        start: the tables that were handed out: what a reply in fewer bits tells the change of.
        bytes: that each reply was long.

    """

    roster: ClientRegistry
    tables: tuple[Float[Tensor, "_ _"], ...]
    names: set[str] = field(default_factory=set)
    start: tuple[Float[Tensor, "_ _"], ...] = ()
    bytes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def beside(
        cls,
        roster: ClientRegistry,
        start: tuple[Float[Tensor, "_ _"], ...],
        table: Callable[[Tensor], Tensor] = new_like,
    ) -> "ReceivedUpdates":
        """Make an empty inbox with tables like those that were handed out; `table` makes one."""
        return cls(roster, tuple(map(table, start)), start=start)

    def take(self, reply: TrainReply) -> TrainReply:
        """Put a reply to its place; return it with views of the tables as its parameters.

        Raises:
            LayoutError: its parameters are of another shape.
            ClientError: they are not finite, or not when the change they tell is added to what was handed out.

        """
        sent = reply.parameters.plain
        _require_shapes(self.roster, reply.client, sent)
        here = self.roster.unstack(*self.tables)[reply.client]
        here.encoder.copy_(sent.encoder)
        here.decoders.copy_(sent.decoders)
        if isinstance(reply.parameters, Compressed):
            start = self.roster.unstack(*self._start())[reply.client]
            here.encoder.add_(start.encoder)
            here.decoders.add_(start.decoders)
        _require_finite(reply.client, here)
        self.names.add(reply.client)
        self.bytes[reply.client] = reply.parameters.bytes
        return replace(reply, parameters=here)

    def _start(self) -> tuple[Tensor, ...]:
        if not self.start:
            raise ClientError("A reply that tells a change should find what was handed out. Found none in this inbox.")
        return self.start


def require_fitting(roster: ClientRegistry, name: str, parameters: Parameters) -> None:
    """Raise LayoutError for parameters of a wrong shape, ClientError for some that are not finite."""
    _require_shapes(roster, name, parameters)
    _require_finite(name, parameters)


def _require_shapes(roster: ClientRegistry, name: str, parameters: Parameters) -> None:
    tasks = len(roster.tasks_of(name))
    encoder, decoder = roster.layouts_of(name)
    expected = ((encoder.width,), (tasks, decoder.width))
    found = (tuple(parameters.encoder.shape), tuple(parameters.decoders.shape))
    if found != expected:
        raise LayoutError(f"Client '{name}' should send encoder and decoders of shapes {expected}. Found {found}.")


def _require_finite(name: str, parameters: Parameters) -> None:
    if not parameters.finite:
        mend = "Lower its learning rate, or set `clip_norm`."
        raise ClientError(f"Client '{name}' should send finite parameters. Found NaN or infinity. {mend}")
