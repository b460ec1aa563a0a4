"""What an aggregation rule is: a frozen pair of pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation.mixing import Mixing
from fedhca.aggregation.rows import Rows

State = Mapping[str, Tensor]
"""What a rule remembers between rounds: tensors by name, so that it can be saved, loaded and compared bit by bit."""


@dataclass(frozen=True)
class Answer:
    """What a rule answers: a row for every participant.

    Attributes:
        rows: the parameters each participant goes on from.
        mixing: the matrices that made them; who listens to whom.
        state: what the rule remembers.
        notes: tensors for the journal by name (hyper weights, entropies).

    """

    rows: Float[Tensor, "m w"]
    mixing: Mixing
    state: State
    notes: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Aggregator:
    """A rule: `init(rows)` gives its first state, `apply(state, rows)` mixes the rows of one round.

    Both are pure; the same rule serves encoders (m = n clients) and decoders (m = k decoders of the federation).

    Attributes:
        init: see above.
        apply: see above.
        personal: of each tensor of the state, and of each note, that has a share for every participant: along how many
            of its leading dimensions participants run. What is not named here is common to all.

    """

    init: Callable[[Rows], State]
    apply: Callable[[State, Rows], Answer]
    personal: Mapping[str, int] = field(default_factory=dict)


def stateless(rule: Callable[[Rows], Mixing]) -> Aggregator:
    """Make an aggregator of a rule that remembers nothing: a function from rows to their mixing."""

    def apply(state: State, rows: Rows) -> Answer:
        mixing = rule(rows)
        return Answer(mixing.of(rows), mixing, state)

    return Aggregator(lambda rows: {}, apply)
