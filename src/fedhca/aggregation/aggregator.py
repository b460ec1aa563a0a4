"""What an aggregation rule is: a frozen pair of pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows
from fedhca.aggregation.trimming import Trimming

State = Mapping[str, Tensor]
"""What a rule remembers between rounds: tensors by name, so that it can be saved, loaded and compared bit by bit."""

DIRECTION = "direction"
"""The name in a state of the mixes a rule keeps, to measure next round's progress along them."""


@dataclass(frozen=True)
class Decision:
    """What a rule decides from the inner products of rows.

    Attributes:
        mixing: who listens to whom, or what is left out.
        state: what the rule remembers; the mixes it keeps are added to it.
        notes: tensors for the journal by name (hyper weights, entropies).
        keeps: how many of the mixes, from the first, it remembers as `direction`.

    """

    mixing: Mixing | Trimming
    state: State = field(default_factory=dict)
    notes: Mapping[str, Tensor] = field(default_factory=dict)
    keeps: int = 0

    def carried_out(self, rows: Rows, into: Float[Tensor, "n w"] | None = None) -> "Answer":
        """Mix the rows; see `Mixing.of`."""
        mixed = self.mixing.of(rows, into, first=self.keeps)
        kept = {DIRECTION: mixed.mixes} if self.keeps else {}
        mixing = self.mixing if mixed.heard is None else replace(self.mixing, heard=mixed.heard)
        return Answer(mixed.rows, mixing, {**self.state, **kept}, self.notes)


@dataclass(frozen=True)
class Answer:
    """What a rule answers: a row for every participant.

    Attributes:
        rows: the parameters each participant goes on from.
        mixing: the matrices that made them, or that tell who was averaged; who listens to whom.
        state: what the rule remembers.
        notes: tensors for the journal by name (hyper weights, entropies).
        personal: along how many leading dimensions of a note participants run; see `Aggregator`.

    """

    rows: Float[Tensor, "n w"]
    mixing: Mixing | Trimming
    state: State
    notes: Mapping[str, Tensor] = field(default_factory=dict)
    personal: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Aggregator:
    """A rule: `init(rows)` gives its first state, `decide(state, rows)` says how the rows of one round are mixed.

    Both are pure; the same rule serves encoders (m = n clients) and decoders (m = k decoders of the federation).

    Attributes:
        init: see above.
        decide: see above.
        personal: of each tensor of the state, and of each note, that has a share for every participant: along how many
            of its leading dimensions participants run. What is not named here is common to all.

    """

    init: Callable[[Rows], State]
    decide: Callable[[State, Rows], Decision]
    personal: Mapping[str, int] = field(default_factory=dict)

    def apply(self, state: State, rows: Rows, into: Float[Tensor, "n w"] | None = None) -> Answer:
        """Mix the rows of one round: decide in a pass over them, answer in another.

        Args:
            state: what the rule remembers.
            rows: of one round.
            into: where the answers are written, see `Mixing.of`; new memory if not given.

        """
        return self.decide(state, rows).carried_out(rows, into)


def stateless(rule: Callable[[Rows], Mixing | Trimming]) -> Aggregator:
    """Make an aggregator of a rule that remembers nothing: a function from rows to their mixing."""
    return Aggregator(lambda rows: {}, lambda state, rows: Decision(rule(rows)))
