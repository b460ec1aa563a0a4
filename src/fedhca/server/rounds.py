"""One round after the other: requests out, replies in, a pure step, the next state."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fedhca.aggregation import Answer, Rows, State, apply_among
from fedhca.compression import Compressed, Form, Sent, compress
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Runtime, TrainReply, TrainRequest
from fedhca.methods import Method
from fedhca.parameters import Parameters
from fedhca.server.inbox import Inbox, require_fit
from fedhca.server.policy import Policy
from fedhca.server.replies import Answers, Tell, gather
from fedhca.server.roster import Roster
from fedhca.tables import new_like


@dataclass(frozen=True)
class ServerState:
    """All the server remembers between rounds.

    Attributes:
        round: rounds done.
        encoders: what each client goes on from, by roster order.
        decoders: likewise, client by client and task by task.
        encoder_state: of the method's encoder rule.
        decoder_state: of the method's decoder rule.
        since: after how many rounds each client last gave an answer that counted.

    """

    round: int
    encoders: Float[Tensor, "n d"]
    decoders: Float[Tensor, "k e"]
    encoder_state: State
    decoder_state: State
    since: Int64[Tensor, " n"]


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        number: of the round, from 1.
        state: after it.
        losses: mean training loss by client and task, unweighted; none of a private client.
        metrics: by client and task; empty in rounds without evaluation, NaN for a client that did not answer, or does
            not tell.
        encoder: the encoder rule's answer: mixing matrices and notes (Gram matrix of the updates, hyper weights).
        decoder: likewise for the decoder rule.
        seconds: wall time by phase: train, aggregate, evaluate.
        clients: what each client's part of the first phase was spent on: train (at the client), transport (both ways),
            waiting (for the last of the others).
        bytes: by client and direction: down is to the client, up from it.
        missing: why an answer did not come or did not count, by phase (train, evaluate) and client.

    """

    number: int
    state: ServerState
    losses: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, Mapping[str, float]]
    encoder: Answer
    decoder: Answer
    seconds: Mapping[str, float]
    bytes: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def begin(
    method: Method, roster: Roster, hellos: Sequence[Hello], table: Callable[[Tensor], Tensor] = new_like
) -> ServerState:
    """Return the state before the first round: every client goes on from what it would start from.

    Where rows lie is for `table` to say, as in `rounds`.

    Raises:
        LayoutError: a client's parameters are not of the shapes it says.
        ClientError: a client's parameters are not finite.

    """
    for hello in hellos:
        require_fit(roster, hello.client, hello.parameters)
    encoders, decoders = roster.stack({hello.client: hello.parameters for hello in hellos}, table)
    encoder_rows = Rows(encoders, encoders, roster.members, roster.encoder_layout)
    decoder_rows = Rows(decoders, decoders, roster.decoder_members, roster.decoder_layout)
    since = torch.zeros(len(encoders), dtype=torch.int64)
    return ServerState(
        0, encoders, decoders, method.encoder.init(encoder_rows), method.decoder.init(decoder_rows), since
    )


def step(method: Method, roster: Roster, state: ServerState, inbox: Inbox) -> tuple[ServerState, Answer, Answer]:
    """Mix what the clients sent; return the next state and both rules' answers.

    The answers are written over what was sent, so that the inbox is spent; the state stays as it is. A client that did
    not answer keeps what it was handed out, and its share of the rules' states.
    """
    present = torch.tensor([name in inbox.names for name in roster.names])
    fresh = state.since == state.round
    decoders_each = torch.tensor([len(member.tasks) for member in roster.members])
    encoders = Rows(state.encoders, inbox.encoders, roster.members, roster.encoder_layout, fresh)
    decoders = Rows(
        state.decoders,
        inbox.decoders,
        roster.decoder_members,
        roster.decoder_layout,
        fresh.repeat_interleave(decoders_each),
    )
    encoder = apply_among(method.encoder, state.encoder_state, encoders, present, inbox.encoders)
    slots = present.repeat_interleave(decoders_each)
    decoder = apply_among(method.decoder, state.decoder_state, decoders, slots, inbox.decoders)
    since = torch.where(present, state.round + 1, state.since)
    following = ServerState(state.round + 1, encoder.rows, decoder.rows, encoder.state, decoder.state, since)
    return following, encoder, decoder


def rounds(
    method: Method,
    runtime: Runtime,
    roster: Roster,
    state: ServerState,
    *,
    until: int,
    evaluate_every: int = 1,
    policy: Policy = Policy(),
    tell: Tell = lambda missing: None,
    table: Callable[[Tensor], Tensor] = new_like,
    sent: Sent = Sent(),
) -> Iterator[Round]:
    """Run rounds until so many are done; evaluate after every `evaluate_every`, and after the last.

    A generator: the caller saves, prints or stops between rounds. Of replies that are missing `tell` hears at once.
    Where rows lie is for `table` to say: it makes each round's, like the one it is given. In what form parameters
    travel is for `sent` to say.

    Raises:
        MissingReplyError: clients did not answer, and the policy is to stop.
        LayoutError: a client sent parameters of another shape, likewise.
        ClientError: a client sent parameters that are not finite, likewise.

    """
    while state.round < until:
        clock = [time.perf_counter()]
        inbox = Inbox.beside(roster, state.encoders, state.decoders, table)
        trained, down = _train(method, runtime, inbox, state, policy, tell, sent)
        clock.append(time.perf_counter())
        state, encoder, decoder = step(method, roster, state, inbox)
        clock.append(time.perf_counter())
        due = state.round % evaluate_every == 0 or state.round == until
        measured = (
            _measure(runtime, roster, state, method.local, policy, tell, sent.down)
            if due
            else Answers[EvaluateReply]({})
        )
        clock.append(time.perf_counter())
        phases = zip(("train", "aggregate", "evaluate"), clock, clock[1:], strict=False)
        missing = {"train": trained.missing, "evaluate": measured.missing}
        yield Round(
            number=state.round,
            state=state,
            losses={name: reply.losses for name, reply in trained.replies.items()},
            metrics=_metrics(measured, roster),
            encoder=encoder,
            decoder=decoder,
            seconds={phase: after - before for phase, before, after in phases},
            bytes={name: {"down": down[name], "up": inbox.bytes[name]} for name in trained.replies},
            missing={phase: causes for phase, causes in missing.items() if causes},
            clients={
                name: {"train": reply.seconds, "transport": reply.transport, "waiting": trained.waited[name]}
                for name, reply in trained.replies.items()
            },
        )


def evaluate(
    runtime: Runtime, roster: Roster, state: ServerState, rule: LocalRule, form: Form = "float32"
) -> dict[str, dict[str, float]]:
    """Return the metrics of the model each client keeps by the rule, by client and task; it travels in the form."""
    return _metrics(_measure(runtime, roster, state, rule, Policy(), lambda missing: None, form), roster)


def _train(
    method: Method, runtime: Runtime, inbox: Inbox, state: ServerState, policy: Policy, tell: Tell, sent: Sent
) -> tuple[Answers[TrainReply], dict[str, int]]:
    """Return what came back, and how many bytes went to each."""
    requests = [
        TrainRequest(name, state.round, each, method.local, since, sent.up)
        for (name, each), since in zip(_handed_out(inbox.roster, state, sent.down), state.since.tolist(), strict=True)
    ]
    down = {request.client: request.parameters.bytes for request in requests}
    return gather(runtime.train, requests, policy, take=inbox.take, tell=tell), down


def _measure(
    runtime: Runtime, roster: Roster, state: ServerState, rule: LocalRule, policy: Policy, tell: Tell, form: Form
) -> Answers[EvaluateReply]:
    requests = [
        EvaluateRequest(name, state.round, each, rule, since)
        for (name, each), since in zip(_handed_out(roster, state, form), state.since.tolist(), strict=True)
    ]
    return gather(runtime.evaluate, requests, policy, tell=tell)


def _handed_out(roster: Roster, state: ServerState, form: Form) -> Iterable[tuple[str, Parameters | Compressed]]:
    """Give every client's parameters as they travel."""
    for name, each in roster.unstack(state.encoders, state.decoders).items():
        yield name, compress(each, form, roster.encoder_layout, roster.decoder_layout)


def _metrics(measured: Answers[EvaluateReply], roster: Roster) -> dict[str, dict[str, float]]:
    found = {name: dict(reply.metrics) for name, reply in measured.replies.items()}
    unknown = {each.client: dict.fromkeys(each.tasks, math.nan) for each in roster.members}
    answered = found.keys() | measured.missing.keys()
    return {name: found.get(name) or unknown[name] for name in roster.names if name in answered}
