"""One round after the other: requests out, replies in, a pure step, the next state."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from fedhca.aggregation import Answer, Rows, State, apply_among
from fedhca.compression import Compressed, Form, Sent, compress
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Runtime, TrainReply, TrainRequest
from fedhca.methods import Method
from fedhca.parameters import Parameters
from fedhca.server.attendance import NOBODY_AWAY, Attendance, away_in, require_somebody
from fedhca.server.guard import Guard, Verdict
from fedhca.server.inbox import Inbox, require_fit
from fedhca.server.policy import Policy
from fedhca.server.replies import Answers, Tell, gather, refuse
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
        missing: why an answer did not come, was not asked for or did not count, by phase (train, evaluate) and client.
        shortened: by client, the least factor by which the guard shortened an update of it.

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
    shortened: Mapping[str, float] = field(default_factory=dict)


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


def step(
    method: Method, roster: Roster, state: ServerState, inbox: Inbox, sides: tuple[Rows, Rows] | None = None
) -> tuple[ServerState, Answer, Answer]:
    """Mix what the clients sent; return the next state and both rules' answers.

    The answers are written over what was sent, so that the inbox is spent; the state stays as it is. A client that did
    not answer keeps what it was handed out, and its share of the rules' states. `sides` are the rows of the inbox
    where somebody has looked at them before; see `sides_of`.
    """
    encoders, decoders = sides_of(roster, state, inbox) if sides is None else sides
    present, slots = _present(encoders, inbox), _present(decoders, inbox)
    encoder = apply_among(method.encoder, state.encoder_state, encoders, present, inbox.encoders)
    decoder = apply_among(method.decoder, state.decoder_state, decoders, slots, inbox.decoders)
    since = torch.where(present, state.round + 1, state.since)
    following = ServerState(state.round + 1, encoder.rows, decoder.rows, encoder.state, decoder.state, since)
    return following, encoder, decoder


def sides_of(roster: Roster, state: ServerState, inbox: Inbox) -> tuple[Rows, Rows]:
    """Return what came as rows: of all encoders, and of all decoders."""
    fresh = state.since == state.round
    slots = fresh.repeat_interleave(torch.tensor([len(member.tasks) for member in roster.members]))
    return (
        Rows(state.encoders, inbox.encoders, roster.members, roster.encoder_layout, fresh),
        Rows(state.decoders, inbox.decoders, roster.decoder_members, roster.decoder_layout, slots),
    )


def _present(rows: Rows, inbox: Inbox) -> Bool[Tensor, " m"]:
    return torch.tensor([member.client in inbox.names for member in rows.members])


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
    attendance: Attendance = NOBODY_AWAY,
    guard: Guard = Guard(),
) -> Iterator[Round]:
    """Run rounds until so many are done; evaluate after every `evaluate_every`, and after the last.

    A generator: the caller saves, prints or stops between rounds. Of replies that are missing `tell` hears at once.
    Where rows lie is for `table` to say: it makes each round's, like the one it is given. In what form parameters
    travel is for `sent` to say, for `attendance` who takes part in which rounds, and for `guard` how long an update may
    be.

    Raises:
        RecipeError: in some round nobody takes part.
        MissingReplyError: clients did not answer, or the guard refuses what they sent, and the policy is to stop.
        LayoutError: a client sent parameters of another shape, likewise.
        ClientError: a client sent parameters that are not finite, likewise.

    """
    require_somebody(attendance, roster.names, until)
    while state.round < until:
        clock = [time.perf_counter()]
        inbox = Inbox.beside(roster, state.encoders, state.decoders, table)
        away = away_in(attendance, state.round + 1)
        trained, down = _train(method, runtime, inbox, state, policy, tell, sent, away)
        clock.append(time.perf_counter())
        sides, verdict = _judged(guard, inbox, state)
        trained = refuse(trained, verdict.refused, state.round, policy, tell=tell)
        state, encoder, decoder = step(method, roster, state, inbox, sides)
        clock.append(time.perf_counter())
        due = state.round % evaluate_every == 0 or state.round == until
        measured = (
            _measure(runtime, roster, state, method.local, policy, tell, sent.down, away)
            if due
            else Answers[EvaluateReply]({})
        )
        clock.append(time.perf_counter())
        phases = zip(("train", "aggregate", "evaluate"), clock, clock[1:], strict=False)
        missing = {"train": {**away, **trained.missing}, "evaluate": measured.missing}
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
            shortened=verdict.shortened,
        )


def evaluate(
    runtime: Runtime, roster: Roster, state: ServerState, rule: LocalRule, form: Form = "float32"
) -> dict[str, dict[str, float]]:
    """Return the metrics of the model each client keeps by the rule, by client and task; it travels in the form."""
    return _metrics(_measure(runtime, roster, state, rule, Policy(), lambda missing: None, form, {}), roster)


def _train(
    method: Method,
    runtime: Runtime,
    inbox: Inbox,
    state: ServerState,
    policy: Policy,
    tell: Tell,
    sent: Sent,
    away: Mapping[str, str],
) -> tuple[Answers[TrainReply], dict[str, int]]:
    """Return what came back, and how many bytes went to each."""
    requests = [
        TrainRequest(name, state.round, each, method.local, since, sent.up)
        for name, each, since in _handed_out(inbox.roster, state, sent.down, away)
    ]
    down = {request.client: request.parameters.bytes for request in requests}
    return gather(runtime.train, requests, policy, take=inbox.take, tell=tell), down


def _judged(guard: Guard, inbox: Inbox, state: ServerState) -> tuple[tuple[Rows, Rows], Verdict]:
    """Have the guard look at what came; return the rows to mix, who is refused being no longer among those there."""
    sides = sides_of(inbox.roster, state, inbox)
    verdict = guard.judge(*(_there(rows, inbox) for rows in sides))
    inbox.names.difference_update(verdict.refused)
    # Rows remember what was seen of them, which is no longer so where something was shortened.
    return sides_of(inbox.roster, state, inbox) if verdict.shortened else sides, verdict


def _there(rows: Rows, inbox: Inbox) -> Rows:
    present = _present(rows, inbox)
    return rows if present.all() else rows.among(present.nonzero()[:, 0])


def _measure(
    runtime: Runtime,
    roster: Roster,
    state: ServerState,
    rule: LocalRule,
    policy: Policy,
    tell: Tell,
    form: Form,
    away: Mapping[str, str],
) -> Answers[EvaluateReply]:
    requests = [
        EvaluateRequest(name, state.round, each, rule, since)
        for name, each, since in _handed_out(roster, state, form, away)
    ]
    answers = gather(runtime.evaluate, requests, policy, tell=tell)
    return replace(answers, missing={**away, **answers.missing})


def _handed_out(
    roster: Roster, state: ServerState, form: Form, away: Collection[str]
) -> Iterable[tuple[str, Parameters | Compressed, int]]:
    """Give the parameters of all who take part, as they travel, and which of its own states goes with each."""
    everybody = roster.unstack(state.encoders, state.decoders)
    for (name, each), since in zip(everybody.items(), state.since.tolist(), strict=True):
        if name not in away:
            yield name, compress(each, form, roster.encoder_layout, roster.decoder_layout), since


def _metrics(measured: Answers[EvaluateReply], roster: Roster) -> dict[str, dict[str, float]]:
    found = {name: dict(reply.metrics) for name, reply in measured.replies.items()}
    unknown = {each.client: dict.fromkeys(each.tasks, math.nan) for each in roster.members}
    answered = found.keys() | measured.missing.keys()
    return {name: found.get(name) or unknown[name] for name in roster.names if name in answered}
