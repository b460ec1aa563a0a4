"""Replies: each client's once, for the right round and of use, or the policy says what happens."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from fedhca.config.federation import Federation
from fedhca.errors import FedhcaError, MissingReplyError, RecipeError
from fedhca.wire.messages import Hello, Missing, Reply, Request, Runtime, TrainReply, TrainRequest

Tell = Callable[[Missing], None]

RETRY_SECONDS = 5.0
"""Before a client is asked again under `wait`."""


@dataclass(frozen=True)
class Answers(Generic[Reply]):
    """What came of one question to all clients.

    Attributes:
        replies: by client, in the order in which they were asked.
        missing: causes by client; empty unless the policy goes on without them.
        waited: seconds that each reply lay here until the last one came.

    """

    replies: Mapping[str, Reply]
    missing: Mapping[str, str] = field(default_factory=dict)
    waited: Mapping[str, float] = field(default_factory=dict)


def collect(
    ask: Callable[[Sequence[Request]], Iterable[Reply | Missing]],
    requests: Sequence[Request],
    federation: Federation,
    *,
    take: Callable[[Reply], Reply] = lambda reply: reply,
    tell: Tell = lambda missing: None,
) -> Answers[Reply]:
    """Ask clients and put their replies in order.

    Args:
        ask: a verb of the runtime.
        requests: one for each client, all for one round.
        federation: what to do about replies that are missing.
        take: puts a reply where it belongs and returns what is kept of it; raises a FedhcaError for one of no use.
        tell: is told of every reply that is missing, at once.

    Raises:
        MissingReplyError: a client did not answer, not as asked, twice, or is none of those asked, and the policy is to
            stop; or fewer than `min_clients` answered.
        FedhcaError: what `take`, or a client in this process, raised, if the policy is to stop.

    """
    found: dict[str, Reply] = {}
    came: dict[str, float] = {}
    while True:
        open_ = [request for request in requests if request.client not in found]
        missing: dict[str, str] = {}
        for reply in _each_once(ask(open_), open_, federation, tell):
            taken = reply if isinstance(reply, Missing) else _taken(reply, take)
            if not isinstance(taken, Missing):
                found[taken.client] = taken
                came[taken.client] = time.perf_counter()
                continue
            tell(taken)
            if federation.on_missing == "fail":
                raise _error(taken, open_[0].round)
            missing[taken.client] = taken.cause
        if not missing or federation.on_missing == "keep":
            break
        time.sleep(RETRY_SECONDS)
    require_enough(found, missing, federation, requests[0].round)
    ordered = [request.client for request in requests if request.client in found]
    now = time.perf_counter()
    return Answers({name: found[name] for name in ordered}, missing, {name: now - came[name] for name in ordered})


def reject(
    answers: Answers[Reply],
    causes: Mapping[str, str],
    number: int,
    federation: Federation,
    *,
    tell: Tell = lambda missing: None,
) -> Answers[Reply]:
    """Take the replies of some clients as if they had not come. Under `wait` too: asked again, they would be the same.

    Args:
        answers: of all.
        causes: why a client's is refused.
        number: of the round, from 0.
        federation: what to do about replies that are missing.
        tell: is told of every one, at once.

    Raises:
        MissingReplyError: somebody is refused, and the policy is to stop; or fewer than `min_clients` are left.

    """
    for client, cause in causes.items():
        tell(Missing(client, cause))
        if federation.on_missing == "fail":
            expected = f"Client '{client}' should send an update of a usual length in round {number + 1}"
            raise MissingReplyError(f"{expected}. Found: {cause} Raise `guard.reject`, or set `on_missing: keep`.")
    left = {name: reply for name, reply in answers.replies.items() if name not in causes}
    missing = {**answers.missing, **causes}
    require_enough(left, missing, federation, number)
    return Answers(left, missing, {name: answers.waited[name] for name in left})


def require_enough(found: Collection[str], missing: Mapping[str, str], federation: Federation, number: int) -> None:
    """Raise MissingReplyError if too few clients answered for a round to count; rounds are numbered from 0."""
    if len(found) < min(federation.min_clients, len(found) + len(missing)) or not found:
        causes = "; ".join(f"{client}: {cause}" for client, cause in missing.items())
        needed = f"At least {federation.min_clients} clients should answer in round {number + 1}"
        raise MissingReplyError(f"{needed}. Found {len(found)}: {causes}")


def register(
    runtime: Runtime, order: Sequence[str], federation: Federation, *, tell: Tell = lambda missing: None
) -> dict[str, Hello]:
    """Have clients introduce themselves; return those who did, by name.

    Args:
        runtime: that carries messages to them.
        order: names of all who should.
        federation: what to do about those who do not; under `keep` they are left out.
        tell: is told of every one, at once.

    Raises:
        MissingReplyError: a client did not answer, and the policy is to stop.
        RecipeError: two clients have one name, or those who came are others.

    """
    found: dict[str, Hello] = {}
    while True:
        missing = []
        for each in runtime.hello():
            if isinstance(each, Missing):
                missing.append(each)
                tell(each)
                if federation.on_missing == "fail":
                    raise each.error or MissingReplyError(f"Client '{each.client}' did not say hello: {each.cause}")
            elif each.client in found:
                raise RecipeError(f"Client names should be unique. Found two clients '{each.client}'. Rename one.")
            else:
                found[each.client] = each
        if federation.on_missing != "wait" or not missing:
            break
        found.clear()
        time.sleep(RETRY_SECONDS)
    if sorted([*found, *(each.client for each in missing)]) != sorted(order):
        raise RecipeError(f"Clients should be {list(order)}. Found {sorted(found)}.")
    return {name: found[name] for name in order if name in found}


def _each_once(
    replies: Iterable[Reply | Missing], requests: Sequence[Request], federation: Federation, tell: Tell
) -> Iterator[Reply | Missing]:
    """Yield one reply, or why there is none, for each request.

    Replies of strangers, second ones, and such for another round are nobody's: they stop the run if the policy is to
    stop, and are told and passed over else. One that comes late, from a round before, does not hide the right one.
    """
    asked, seen, late = {request.client: request for request in requests}, set[str](), dict[str, str]()
    for reply in replies:
        odd = _odd(reply, asked, seen)
        if odd and federation.on_missing == "fail":
            raise MissingReplyError(
                f"Client '{reply.client}' should answer once in round {requests[0].round + 1}. {odd}"
            )
        if odd:
            tell(Missing(reply.client, odd))
        elif isinstance(reply, Missing) or reply.round == asked[reply.client].round:
            seen.add(reply.client)
            yield _as_asked(reply, asked[reply.client])
        else:
            late[reply.client] = f"its answer is for round {reply.round + 1}."
    for name in asked:
        if name not in seen:
            yield Missing(name, late.get(name, "no reply came."))


def _as_asked(reply: Reply | Missing, request: Request) -> Reply | Missing:
    """Return a reply, or why it is none: its numbers travelled in a form that was not asked for."""
    if isinstance(reply, TrainReply) and isinstance(request, TrainRequest):
        form = reply.parameters.form
        if form not in ("float32", request.answer):
            return Missing(reply.client, f"its parameters should be {request.answer}. Found {form}.")
    return reply


def _odd(reply: Reply | Missing, asked: Mapping[str, Request], seen: Collection[str]) -> str:
    """Say what is odd about who a reply is of; nothing if it is right."""
    if reply.client not in asked:
        return f"Found an answer of somebody who was not asked; asked were {', '.join(asked)}."
    return "Found another answer after it; the first one counts." if reply.client in seen else ""


def _taken(reply: Reply, take: Callable[[Reply], Reply]) -> Reply | Missing:
    try:
        return take(reply)
    except FedhcaError as error:
        return Missing(reply.client, str(error), error)


def _error(missing: Missing, number: int) -> FedhcaError:
    message = f"Client '{missing.client}' did not answer in round {number + 1}: {missing.cause}"
    return missing.error or MissingReplyError(message)
