"""One round after the other: requests out, replies in, a pure step, the next state."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation import Aggregator, Answer, Rows, State
from fedhca.errors import ClientError, LayoutError
from fedhca.messages import EvaluateRequest, Hello, LocalRule, Runtime, TrainReply, TrainRequest
from fedhca.methods import Method
from fedhca.parameters import Parameters
from fedhca.server.roster import Roster


@dataclass(frozen=True)
class ServerState:
    """All the server remembers between rounds.

    Attributes:
        round: rounds done.
        encoders: what each client goes on from, by roster order.
        decoders: likewise, client by client and task by task.
        encoder_state: of the method's encoder rule.
        decoder_state: of the method's decoder rule.

    """

    round: int
    encoders: Float[Tensor, "n d"]
    decoders: Float[Tensor, "k e"]
    encoder_state: State
    decoder_state: State


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        number: of the round, from 1.
        state: after it.
        losses: mean training loss by client and task, unweighted.
        metrics: by client and task; empty in rounds without evaluation.
        encoder: the encoder rule's answer: mixing matrices and notes (Gram matrix of the updates, hyper weights).
        decoder: likewise for the decoder rule.
        seconds: wall time by phase: train, aggregate, evaluate.
        bytes: by client and direction: down is to the client, up from it.

    """

    number: int
    state: ServerState
    losses: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, Mapping[str, float]]
    encoder: Answer
    decoder: Answer
    seconds: Mapping[str, float]
    bytes: Mapping[str, Mapping[str, int]]


def begin(method: Method, roster: Roster, hellos: Sequence[Hello]) -> ServerState:
    """Return the state before the first round: every client goes on from what it would start from.

    Raises:
        LayoutError: a client's parameters are not of the shapes it says.
        ClientError: a client's parameters are not finite.

    """
    for hello in hellos:
        _require_fit(roster, hello.client, hello.parameters)
    encoders, decoders = roster.stack({hello.client: hello.parameters for hello in hellos})
    encoder_rows = Rows(encoders, encoders, roster.members, roster.encoder_layout)
    decoder_rows = Rows(decoders, decoders, roster.decoder_members, roster.decoder_layout)
    return ServerState(0, encoders, decoders, method.encoder.init(encoder_rows), method.decoder.init(decoder_rows))


def step(
    method: Method, roster: Roster, state: ServerState, replies: Mapping[str, TrainReply]
) -> tuple[ServerState, Answer, Answer]:
    """Mix what the clients sent; return the next state and both rules' answers. Pure."""
    for name, reply in replies.items():
        _require_fit(roster, name, reply.parameters)
    encoders, decoders = roster.stack({name: reply.parameters for name, reply in replies.items()})
    encoder = _mix(
        method.encoder, state.encoder_state, Rows(state.encoders, encoders, roster.members, roster.encoder_layout)
    )
    decoder = _mix(
        method.decoder,
        state.decoder_state,
        Rows(state.decoders, decoders, roster.decoder_members, roster.decoder_layout),
    )
    return ServerState(state.round + 1, encoder.rows, decoder.rows, encoder.state, decoder.state), encoder, decoder


def rounds(
    method: Method, runtime: Runtime, roster: Roster, state: ServerState, *, until: int, evaluate_every: int = 1
) -> Iterator[Round]:
    """Run rounds until so many are done; evaluate after every `evaluate_every`, and after the last.

    A generator: the caller saves, prints or stops between rounds.

    Raises:
        MissingReplyError: a client did not answer.
        LayoutError: a client sent parameters of another shape.
        ClientError: a client sent parameters that are not finite.

    """
    while state.round < until:
        clock = [time.perf_counter()]
        handed_out = roster.unstack(state.encoders, state.decoders)
        requests = [TrainRequest(name, state.round, each, method.local) for name, each in handed_out.items()]
        replies = roster.sort(runtime.train(requests), state.round)
        clock.append(time.perf_counter())
        state, encoder, decoder = step(method, roster, state, replies)
        clock.append(time.perf_counter())
        due = state.round % evaluate_every == 0 or state.round == until
        metrics = evaluate(runtime, roster, state, method.local) if due else {}
        clock.append(time.perf_counter())
        phases = zip(("train", "aggregate", "evaluate"), clock, clock[1:], strict=False)
        yield Round(
            number=state.round,
            state=state,
            losses={name: reply.losses for name, reply in replies.items()},
            metrics=metrics,
            encoder=encoder,
            decoder=decoder,
            seconds={phase: after - before for phase, before, after in phases},
            bytes={
                name: {"down": handed_out[name].bytes, "up": reply.parameters.bytes} for name, reply in replies.items()
            },
        )


def evaluate(runtime: Runtime, roster: Roster, state: ServerState, rule: LocalRule) -> dict[str, dict[str, float]]:
    """Return the metrics of the model each client keeps by the rule, by client and task."""
    handed_out = roster.unstack(state.encoders, state.decoders)
    requests = [EvaluateRequest(name, state.round, each, rule) for name, each in handed_out.items()]
    replies = roster.sort(runtime.evaluate(requests), state.round)
    return {name: dict(reply.metrics) for name, reply in replies.items()}


def _mix(rule: Aggregator, state: State, rows: Rows) -> Answer:
    """Apply the rule, and note for every method alike how the updates stand to each other."""
    answer = rule.apply(state, rows)
    return replace(answer, notes={"gram": rows.gram, **answer.notes})


def _require_fit(roster: Roster, name: str, parameters: Parameters) -> None:
    tasks = next(len(member.tasks) for member in roster.members if member.client == name)
    expected = ((roster.encoder_layout.width,), (tasks, roster.decoder_layout.width))
    found = (tuple(parameters.encoder.shape), tuple(parameters.decoders.shape))
    if found != expected:
        raise LayoutError(f"Client '{name}' should send encoder and decoders of shapes {expected}. Found {found}.")
    if not (parameters.encoder.isfinite().all() and parameters.decoders.isfinite().all()):
        mend = "Lower its learning rate, or set `clip_norm`."
        raise ClientError(f"Client '{name}' should send finite parameters. Found NaN or infinity. {mend}")
