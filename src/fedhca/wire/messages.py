"""What crosses the wire, and the runtime that carries it.

Heads, buffers, optimiser moments, labels and pictures are in none of these messages: they never leave home. All
messages are frozen and hold tensors, numbers and names only. A message that exists is valid: its names, ranges and
numbers are checked when it is made, in this process and when it is read from a wire. Whether parameters are finite and
of the right shapes is checked where they are copied.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, final, runtime_checkable

from fedhca.config.federation import TransferDtype
from fedhca.config.section import NAME
from fedhca.errors import ClientError, FedhcaError, one_line
from fedhca.wire.compression import Compressed
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import Parameters

Keeps = Literal["received", "trained", "own"]

MOST = 10**9
"""The largest count of rounds, pictures or seconds in a message."""

LARGEST = 1e30
"""The largest loss or metric in a message. A training that comes near it breaks off, as float32 ends soon after."""


def _require(right: bool, what: str, expected: str, found: object) -> None:
    if not right:
        raise ClientError(f"{what} should be {expected}. Found {one_line(repr(found), 100)}.")


def _require_name(client: str) -> None:
    found = re.fullmatch(NAME, client) is not None
    _require(found, "A name", "letters, digits, dots, dashes and underscores", client)


def _require_count(value: int | float, what: str) -> None:
    _require(0 <= value <= MOST, what, f"from 0 to {MOST}", value)


def _require_reply(client: str, number: int, seconds: int | float) -> None:
    _require_name(client)
    _require_count(abs(number), "`round`")  # one before the first is late, as every other that was not asked for
    _require_count(seconds, "`seconds`")


@dataclass(frozen=True)
class LocalRule:
    """What a method asks of clients, in plain values.

    Attributes:
        pull: λ of the pull λ(w − received) that is added to the gradient of encoder and decoders, after backward and
            before clipping and the optimiser's step.
        keeps: the model a client has in the end, which is evaluated and predicts. `received`: the one handed out.
            `trained`: what it sent after its last local training (FedAMP). `own`: a second model that never leaves,
            trained beside the received one on the same pictures; the pull then acts on the second alone (Ditto).
        heads_first: share of a round's steps, in [0, 1], that train decoders and heads alone; the rest trains the
            encoder alone (FedRep). 0 trains all together.

    Raises:
        ClientError: a value is outside its range.

    """

    pull: float = 0.0
    keeps: Keeps = "received"
    heads_first: float = 0.0

    def __post_init__(self) -> None:
        _require(0 <= self.pull < math.inf, "`pull`", "a number, at least 0", self.pull)
        _require(0 <= self.heads_first <= 1, "`heads_first`", "in [0, 1]", self.heads_first)


@dataclass(frozen=True)
class Hello:
    """A client introduces itself: who it is, what it has, and the layout and values it would start from.

    Attributes:
        client: its name.
        dataset: name of the data set its data are of.
        tasks: in the order of its decoders.
        examples: how many it trains on.
        encoder_layout: of its encoder.
        decoder_layout: of each of its decoders.
        parameters: that it would start from.
        held: after how many rounds its own states are that it could go on from; None if it does not say.

    Raises:
        ClientError: a name or a count is none.

    """

    client: str
    dataset: str
    tasks: tuple[str, ...]
    examples: int
    encoder_layout: Layout
    decoder_layout: Layout
    parameters: Parameters
    held: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _require_name(self.client)
        _require_count(self.examples, "`examples`")
        for each in self.held or ():
            _require(0 < each <= MOST, "`held`", f"numbers of rounds from 1 to {MOST}", each)


@dataclass(frozen=True)
class _Request:
    """What a client is asked, from these parameters.

    Attributes:
        client: whom it is for.
        round: rounds done before it.
        parameters: to go on from; perhaps in fewer bits, then `parameters.plain` is what both sides go on from.
        rule: of the method.
        since: after how many rounds the client last gave an answer that counted. Its own state, which stays home, is
            to go on from there: what it did since was in vain. The same as `round` if not given.

    Raises:
        ClientError: a name or a round is none.

    """

    client: str
    round: int
    parameters: Parameters | Compressed
    rule: LocalRule = LocalRule()
    since: int | None = None

    def __post_init__(self) -> None:
        _require_name(self.client)
        _require_count(self.round, "`round`")
        _require(0 <= self.home <= self.round, "`since`", f"a round before or at {self.round}", self.home)

    @property
    def home(self) -> int:
        """Which of its own states the client goes on from."""
        return self.round if self.since is None else self.since


@final
@dataclass(frozen=True)
class TrainRequest(_Request):
    """Train one round from these parameters; what it has beside every request.

    Attributes:
        answer: the form in which the reply's parameters are to come.
        begins: after how many rounds the client's schedule begins: with its own first one, where it joins later.

    """

    answer: TransferDtype = "float32"
    begins: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0 <= self.begins <= self.round, "`begins`", f"a round before or at {self.round}", self.begins)


@final
@dataclass(frozen=True)
class EvaluateRequest(_Request):
    """Measure the model the rule keeps, with the client's own heads, on the client's test data."""


@dataclass(frozen=True)
class TrainReply:
    """Parameters after local training, and the mean loss of each task, unweighted.

    Attributes:
        client: whose they are.
        round: of the request.
        parameters: after local training; or, in fewer bits, what training changed of those received (and what was
            left over of that before).
        losses: by task; none of a private client.
        seconds: that training took at the client.
        transport: seconds on the way, there and back; the runtime that carried it knows.

    Raises:
        ClientError: a name, a round or a number is none, or a loss is not finite.

    """

    client: str
    round: int
    parameters: Parameters | Compressed
    losses: Mapping[str, float]
    seconds: float = 0.0
    transport: float = 0.0

    def __post_init__(self) -> None:
        _require_reply(self.client, self.round, self.seconds)
        for task, value in self.losses.items():
            _require(abs(value) <= LARGEST, f"The loss of `{task}`", f"from -{LARGEST:g} to {LARGEST:g}", value)


@dataclass(frozen=True)
class EvaluateReply:
    """The metric of each task; none of a private client, unless it may tell.

    A metric is NaN where nothing could be measured. ClientError if it is infinite or absurd, and as in `TrainReply`.
    """

    client: str
    round: int
    metrics: Mapping[str, float]
    seconds: float = 0.0

    def __post_init__(self) -> None:
        _require_reply(self.client, self.round, self.seconds)
        for task, value in self.metrics.items():
            right = math.isnan(value) or abs(value) <= LARGEST
            _require(right, f"The metric of `{task}`", f"NaN, or from -{LARGEST:g} to {LARGEST:g}", value)


Request = TypeVar("Request", TrainRequest, EvaluateRequest)
Reply = TypeVar("Reply", TrainReply, EvaluateReply)


@dataclass(frozen=True)
class Missing:
    """A reply that did not come, or does not count: which client, and why.

    Attributes:
        client: that did not answer.
        cause: in one line; it goes to the journal and on the screen.
        error: what the client raised, where it is in this process; it never travels.

    """

    client: str
    cause: str
    error: FedhcaError | None = None

    def __post_init__(self) -> None:
        """Make one line of the cause, which may be another site's text."""
        object.__setattr__(self, "cause", one_line(self.cause))


@runtime_checkable
class Runtime(Protocol):
    """The seam: three verbs that carry messages to clients and back. Replies may come in any order.

    `runtimes.local` trains in this process, `runtimes.scripted` answers by a function of yours (for tests and for
    federations of another kind); engines carry the same messages between sites.
    """

    def hello(self) -> Iterable[Hello | Missing]:
        """Ask every client to introduce itself; one Hello, or a Missing, of each."""
        ...

    def train(self, requests: Sequence[TrainRequest]) -> Iterable[TrainReply | Missing]:
        """Have clients train; one reply, or a Missing, per request."""
        ...

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterable[EvaluateReply | Missing]:
        """Have clients evaluate; one reply, or a Missing, per request."""
        ...
