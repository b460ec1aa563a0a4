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
from fedhca.server.attendance import NOBODY_AWAY, Attendance, Span, away_in, require_somebody
from fedhca.server.family import only
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
        roster: whose it is.
        round: rounds done.
        rows: what each client goes on from, a table for each family of the roster.
        memories: of the method's rules, one for each family.
        since: after how many rounds each client last gave an answer that counted.
        begins: after how many rounds each client's schedule begins; None in runs from before clients that join later
            had one of their own, in which all begin at 0.

    """

    roster: Roster
    round: int
    rows: tuple[Float[Tensor, "_ _"], ...]
    memories: tuple[State, ...]
    since: Int64[Tensor, " n"]
    begins: Int64[Tensor, " n"] | None = None

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


def begin(
    method: Method,
    roster: Roster,
    hellos: Sequence[Hello],
    table: Callable[[Tensor], Tensor] = new_like,
    attendance: Attendance = NOBODY_AWAY,
) -> ServerState:
    """Return the state before the first round: every client goes on from what it would start from.

    Where rows lie is for `table` to say, and when schedules begin for `attendance`, as in `rounds`.

    Raises:
        LayoutError: a client's parameters are not of the shapes it says.
        ClientError: a client's parameters are not finite.

    """
    for hello in hellos:
        require_fit(roster, hello.client, hello.parameters)
    tables = roster.stack({hello.client: hello.parameters for hello in hellos}, table)
    memories = [
        method.rule(family.part).init(Rows(rows, rows, family.members, family.layout))
        for family, rows in zip(roster.families, tables, strict=True)
    ]
    begins = torch.tensor([attendance.get(name, Span()).joins - 1 for name in roster.names])
    return ServerState(roster, 0, tables, tuple(memories), torch.zeros_like(begins), begins)


def step(
    method: Method, state: ServerState, inbox: Inbox, moves: Sequence[Rows] | None = None
) -> tuple[ServerState, tuple[Answer, ...]]:
    """Mix what the clients sent, family by family; return the next state and the rules' answers.

    The answers are written over what was sent, so that the inbox is spent; the state stays as it is. A client that did
    not answer keeps what it was handed out, and its share of the rules' states. `moves` are the rows of the inbox
    where somebody has looked at them before; see `moves_of`.
    """
    answers = tuple(
        apply_among(method.rule(family.part), memory, rows, _present(rows, inbox), table)
        for family, memory, rows, table in zip(
            state.roster.families, state.memories, moves or moves_of(state, inbox), inbox.tables, strict=True
        )
    )
    here = torch.tensor([name in inbox.names for name in state.roster.names])
    following = replace(
        state,
        round=state.round + 1,
        rows=tuple(answer.rows for answer in answers),
        memories=tuple(answer.state for answer in answers),
        since=torch.where(here, state.round + 1, state.since),
    )
    return following, answers


def moves_of(state: ServerState, inbox: Inbox) -> list[Rows]:
    """Return what came as the rows of each family."""
    fresh = dict(zip(state.roster.names, (state.since == state.round).tolist(), strict=True))
    return [
        Rows(start, end, family.members, family.layout, torch.tensor([fresh[each.client] for each in family.members]))
        for family, start, end in zip(state.roster.families, state.rows, inbox.tables, strict=True)
    ]


def _present(rows: Rows, inbox: Inbox) -> Bool[Tensor, " m"]:
    return torch.tensor([member.client in inbox.names for member in rows.members])


def rounds(
    method: Method,
    runtime: Runtime,
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
        FedhcaError: what a rule makes of finite parameters is not finite; the state is as it was before the round.

    """
    require_somebody(attendance, state.roster.names, until)
    while state.round < until:
        clock = [time.perf_counter()]
        inbox = Inbox.beside(state.roster, state.rows, table)
        away = away_in(attendance, state.round + 1)
        trained, down = _train(method, runtime, inbox, state, policy, tell, sent, away)
        clock.append(time.perf_counter())
        moves, verdict = _judged(guard, inbox, state)
        trained = refuse(trained, verdict.refused, state.round, policy, tell=tell)
        state, answers = step(method, state, inbox, moves)
        clock.append(time.perf_counter())
        due = state.round % evaluate_every == 0 or state.round == until
        measured = (
            _measure(runtime, state, method.local, policy, tell, sent.down, away) if due else Answers[EvaluateReply]({})
        )
        clock.append(time.perf_counter())
        phases = zip(("train", "aggregate", "evaluate"), clock, clock[1:], strict=False)
        missing = {"train": {**away, **trained.missing}, "evaluate": measured.missing}
        yield Round(
            number=state.round,
            state=state,
            losses={name: reply.losses for name, reply in trained.replies.items()},
            metrics=_metrics(measured, state.roster),
            answers=answers,
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
    runtime: Runtime, state: ServerState, rule: LocalRule, form: Form = "float32"
) -> dict[str, dict[str, float]]:
    """Return the metrics of the model each client keeps by the rule, by client and task; it travels in the form."""
    return _metrics(_measure(runtime, state, rule, Policy(), lambda missing: None, form, {}), state.roster)


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
    begins = dict.fromkeys(state.roster.names, 0)
    if state.begins is not None:
        begins = dict(zip(begins, state.begins.tolist(), strict=True))
    requests = [
        TrainRequest(name, state.round, each, method.local, since, sent.up, begins[name])
        for name, each, since in _handed_out(state, sent.down, away)
    ]
    down = {request.client: request.parameters.bytes for request in requests}
    return gather(runtime.train, requests, policy, take=inbox.take, tell=tell), down


def _judged(guard: Guard, inbox: Inbox, state: ServerState) -> tuple[list[Rows], Verdict]:
    """Have the guard look at what came; return the rows to mix, who is refused being no longer among those there."""
    moves = moves_of(state, inbox)
    verdict = guard.judge(
        (family.part, _there(rows, inbox)) for family, rows in zip(state.roster.families, moves, strict=True)
    )
    inbox.names.difference_update(verdict.refused)
    # Rows remember what was seen of them, which is no longer so where something was shortened.
    return moves_of(state, inbox) if verdict.shortened else moves, verdict


def _there(rows: Rows, inbox: Inbox) -> Rows:
    present = _present(rows, inbox)
    return rows if present.all() else rows.among(present.nonzero()[:, 0])


def _measure(
    runtime: Runtime,
    state: ServerState,
    rule: LocalRule,
    policy: Policy,
    tell: Tell,
    form: Form,
    away: Mapping[str, str],
) -> Answers[EvaluateReply]:
    requests = [
        EvaluateRequest(name, state.round, each, rule, since) for name, each, since in _handed_out(state, form, away)
    ]
    answers = gather(runtime.evaluate, requests, policy, tell=tell)
    return replace(answers, missing={**away, **answers.missing})


def _handed_out(
    state: ServerState, form: Form, away: Collection[str]
) -> Iterable[tuple[str, Parameters | Compressed, int]]:
    """Give the parameters of all who take part, as they travel, and which of its own states goes with each."""
    for (name, each), since in zip(state.parameters.items(), state.since.tolist(), strict=True):
        if name not in away:
            yield name, compress(each, form, *state.roster.layouts_of(name)), since


def _metrics(measured: Answers[EvaluateReply], roster: Roster) -> dict[str, dict[str, float]]:
    found = {name: dict(reply.metrics) for name, reply in measured.replies.items()}
    unknown = {each.client: dict.fromkeys(each.tasks, math.nan) for each in roster.members}
    answered = found.keys() | measured.missing.keys()
    return {name: found.get(name) or unknown[name] for name in roster.names if name in answered}
