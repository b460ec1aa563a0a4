"""What the server remembers between rounds, and what one round came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int64
from torch import Tensor

from fedhca.aggregation import Answer, State
from fedhca.server.architecture_group import only
from fedhca.server.client_registry import ClientRegistry
from fedhca.storage.tables import new_like
from fedhca.wire.parameters import Parameters

Metrics = dict[str, dict[str, float]]
"""By client and task."""


@dataclass(frozen=True)
class ServerState:
    """All the server remembers between rounds.

    Attributes:
        roster: whose it is.
        round: rounds done.
        rows: what each client goes on from, a table for each family of the roster.
        memories: of the method's rules, one for each family.
        since: after how many rounds each client last gave an answer that counted.
        begins: after how many rounds each client's schedule begins; None in runs from before clients that join later
            had one of their own, in which all begin at 0.
        table: makes the tables of the next round, like the one it is given: in memory, or mapped from a file.

    """

    roster: ClientRegistry
    round: int
    rows: tuple[Float[Tensor, "_ _"], ...]
    memories: tuple[State, ...]
    since: Int64[Tensor, " n"]
    begins: Int64[Tensor, " n"] | None = None
    table: Callable[[Tensor], Tensor] = new_like

    @property
    def parameters(self) -> dict[str, Parameters]:
        """What each client goes on from, as views."""
        return self.roster.unstack(*self.rows)

    @property
    def encoders(self) -> Float[Tensor, "n d"]:
        """All encoders in a table, by roster order; LayoutError if they are of several families."""
        return only("encoder", self.roster.families, self.rows)

    @property
    def decoders(self) -> Float[Tensor, "k e"]:
        """All decoders in a table, client by client and task by task; LayoutError likewise."""
        return only("decoder", self.roster.families, self.rows)

    @property
    def encoder_state(self) -> State:
        """What the rule of all encoders remembers; LayoutError likewise."""
        return only("encoder", self.roster.families, self.memories)

    @property
    def decoder_state(self) -> State:
        """What the rule of all decoders remembers; LayoutError likewise."""
        return only("decoder", self.roster.families, self.memories)


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        number: of the round, from 1.
        state: after it.
        losses: mean training loss by client and task, unweighted; none of a private client.
        metrics: by client and task; empty in rounds without evaluation, NaN for a client that did not answer, or does
            not tell.
        answers: of the rules, one for each family: mixing matrices and notes (Gram matrix of the updates, hyper
            weights).
        seconds: wall time by phase: train, aggregate, evaluate.
        clients: what each client's part of the first phase was spent on: train (at the client), transport (both ways),
            waiting (for the last of the others).
        bytes: by client and direction: down is to the client, up from it.
        missing: why an answer did not come, was not asked for or did not count, by phase (train, evaluate) and client.
        shortened: by client, the least factor by which the guard shortened an update of it.

    """

    number: int
    state: ServerState
    losses: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, Mapping[str, float]]
    answers: tuple[Answer, ...]
    seconds: Mapping[str, float]
    bytes: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shortened: Mapping[str, float] = field(default_factory=dict)

    @property
    def encoder(self) -> Answer:
        """The answer to all encoders; LayoutError if they are of several families."""
        return only("encoder", self.state.roster.families, self.answers)

    @property
    def decoder(self) -> Answer:
        """The answer to all decoders; LayoutError likewise."""
        return only("decoder", self.state.roster.families, self.answers)
