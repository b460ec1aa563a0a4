"""One round after the other: requests out, replies in, a pure step, the next state."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from fedhca.aggregation import Answer, Rows, apply_among
from fedhca.config.federation import Federation, Guard, TransferDtype
from fedhca.errors import RecipeError
from fedhca.methods import Method
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.guard import LengthCheck, check_lengths
from fedhca.server.received_updates import ReceivedUpdates, require_fitting
from fedhca.server.replies import Answers, Tell, collect, reject
from fedhca.server.state import Metrics, Round, ServerState
from fedhca.storage.tables import new_like
from fedhca.wire.compression import Compressed, compress
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Runtime, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters


def initial_state(
    method: Method,
    roster: ClientRegistry,
    hellos: Sequence[Hello],
    federation: Federation,
    table: Callable[[Tensor], Tensor] = new_like,
) -> ServerState:
    """Return the state before the first round: every client goes on from what it would start from.

    Raises:
        LayoutError: a client's parameters are not of the shapes it says.
        ClientError: a client's parameters are not finite.

    """
    for hello in hellos:
        require_fitting(roster, hello.client, hello.parameters)
    tables = roster.stack({hello.client: hello.parameters for hello in hellos}, table)
    memories = [
        method.rule(family.part).init(Rows(rows, rows, family.members, family.layout))
        for family, rows in zip(roster.families, tables, strict=True)
    ]
    joins = {each.name: each.joins for each in federation.roster}
    begins = torch.tensor([joins.get(name, 1) - 1 for name in roster.names])
    return ServerState(roster, 0, tables, tuple(memories), torch.zeros_like(begins), begins, table)


def step(
    method: Method, state: ServerState, inbox: ReceivedUpdates, moves: Sequence[Rows] | None = None
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


def moves_of(state: ServerState, inbox: ReceivedUpdates) -> list[Rows]:
    """Return what came as the rows of each family."""
    fresh = dict(zip(state.roster.names, (state.since == state.round).tolist(), strict=True))
    return [
        Rows(start, end, family.members, family.layout, torch.tensor([fresh[each.client] for each in family.members]))
        for family, start, end in zip(state.roster.families, state.rows, inbox.tables, strict=True)
    ]


def _present(rows: Rows, inbox: ReceivedUpdates) -> Bool[Tensor, " m"]:
    return torch.tensor([member.client in inbox.names for member in rows.members])


def rounds(
    method: Method,
    runtime: Runtime,
    state: ServerState,
    federation: Federation,
    tell: Tell = lambda missing: None,
) -> Iterator[Round]:
    """Run rounds until all are done; evaluate after every `evaluate_every`, and after the last.

    A generator: the caller saves, prints or stops between rounds. Of replies that are missing `tell` hears at once.

    Raises:
        RecipeError: in some round nobody takes part.
        MissingReplyError: clients did not answer, or the guard refuses what they sent, and the policy is to stop.
        LayoutError: a client sent parameters of another shape, likewise.
        ClientError: a client sent parameters that are not finite, likewise.
        FedhcaError: what a rule makes of finite parameters is not finite; the state is as it was before the round.

    """
    _require_somebody(federation, state.roster.names)
    while state.round < federation.rounds:
        clock = [time.perf_counter()]
        inbox = ReceivedUpdates.beside(state.roster, state.rows, state.table)
        trained, down = _train(method, runtime, inbox, state, federation, tell)
        clock.append(time.perf_counter())
        moves, verdict = check_updates(federation.guard, inbox, state)
        trained = reject(trained, verdict.refused, state.round, federation, tell=tell)
        state, answers = step(method, state, inbox, moves)
        clock.append(time.perf_counter())
        due = state.round % federation.evaluate_every == 0 or state.round == federation.rounds
        measured = _measure(runtime, state, method.local, federation, tell) if due else Answers[EvaluateReply]({})
        clock.append(time.perf_counter())
        phases = zip(("train", "aggregate", "evaluate"), clock, clock[1:], strict=False)
        missing = {
            "train": {**federation.absent(state.round), **trained.missing},
            "evaluate": measured.missing,
        }
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


def evaluate_clients(runtime: Runtime, state: ServerState, rule: LocalRule, federation: Federation) -> Metrics:
    """Return the metrics of the model that each client keeps by the rule, by client and task; all have to answer."""
    everybody = Federation(sent=federation.sent)
    return _metrics(_measure(runtime, state, rule, everybody, lambda missing: None), state.roster)


def _require_somebody(federation: Federation, names: Sequence[str]) -> None:
    """Raise RecipeError if there is a round in which nobody takes part."""
    if any(each.joins == 1 and each.leaves is None for each in federation.clients) or not federation.clients:
        return
    for number in range(1, federation.rounds + 1):
        if len(federation.absent(number)) == len(names):
            raise RecipeError(f"In every round somebody should take part. Found nobody in round {number}.")


def _train(
    method: Method,
    runtime: Runtime,
    inbox: ReceivedUpdates,
    state: ServerState,
    federation: Federation,
    tell: Tell,
) -> tuple[Answers[TrainReply], dict[str, int]]:
    """Return what came back, and how many bytes went to each."""
    begins = dict.fromkeys(state.roster.names, 0)
    if state.begins is not None:
        begins = dict(zip(begins, state.begins.tolist(), strict=True))
    absent, sent = federation.absent(state.round + 1), federation.sent
    requests = [
        TrainRequest(name, state.round, each, method.local, since, sent.up, begins[name])
        for name, each, since in _handed_out(state, sent.down, absent)
    ]
    down = {request.client: request.parameters.bytes for request in requests}
    return collect(runtime.train, requests, federation, take=inbox.take, tell=tell), down


def check_updates(guard: Guard, inbox: ReceivedUpdates, state: ServerState) -> tuple[list[Rows], LengthCheck]:
    """Check how long updates are; return the rows to mix, without the clients that are refused."""
    moves = moves_of(state, inbox)
    verdict = check_lengths(
        guard, ((family.part, _there(rows, inbox)) for family, rows in zip(state.roster.families, moves, strict=True))
    )
    inbox.names.difference_update(verdict.refused)
    # Rows remember what was seen of them, which is no longer so where something was shortened.
    return moves_of(state, inbox) if verdict.shortened else moves, verdict


def _there(rows: Rows, inbox: ReceivedUpdates) -> Rows:
    present = _present(rows, inbox)
    return rows if present.all() else rows.among(present.nonzero()[:, 0])


def _measure(
    runtime: Runtime, state: ServerState, rule: LocalRule, federation: Federation, tell: Tell
) -> Answers[EvaluateReply]:
    absent = federation.absent(state.round)
    requests = [
        EvaluateRequest(name, state.round, each, rule, since)
        for name, each, since in _handed_out(state, federation.sent.down, absent)
    ]
    answers = collect(runtime.evaluate, requests, federation, tell=tell)
    return replace(answers, missing={**absent, **answers.missing})


def _handed_out(
    state: ServerState, form: TransferDtype, absent: Collection[str]
) -> Iterable[tuple[str, Parameters | Compressed, int]]:
    """Give the parameters of all who take part, as they travel, and which of its own states goes with each."""
    for (name, each), since in zip(state.parameters.items(), state.since.tolist(), strict=True):
        if name not in absent:
            yield name, compress(each, form, *state.roster.layouts_of(name)), since


def _metrics(measured: Answers[EvaluateReply], roster: ClientRegistry) -> Metrics:
    found = {name: dict(reply.metrics) for name, reply in measured.replies.items()}
    unknown = {each.client: dict.fromkeys(each.tasks, math.nan) for each in roster.members}
    answered = found.keys() | measured.missing.keys()
    return {name: found.get(name) or unknown[name] for name in roster.names if name in answered}
