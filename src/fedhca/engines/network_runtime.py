"""The runtime of every engine: messages out as wires, wires back as messages, and how long each was on its way."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from fedhca.errors import ClientError
from fedhca.wire.encoding import ASK_HELLO, Wire, from_wire, to_wire
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, Missing, TrainReply, TrainRequest

Send = Callable[[Mapping[str, Wire]], Iterable[tuple[str, Wire | Missing]]]
"""What an engine does: carry one wire to each client named, and bring each one's answer back as it comes."""

Agreed = tuple[str, tuple[str, ...]]
"""A client's data set and tasks."""

Kind = TypeVar("Kind", Hello, TrainReply, EvaluateReply)


class NetworkRuntime:
    """Carry messages to clients at other sites.

    Args:
        send: of the engine.
        clients: names of all clients.
        agreed: data set and tasks of each client; whatever they say if not given.

    """

    def __init__(self, send: Send, clients: Sequence[str], agreed: Mapping[str, Agreed] = MappingProxyType({})) -> None:
        self.send, self.clients, self.agreed = send, tuple(clients), agreed

    def hello(self) -> Iterator[Hello | Missing]:
        """Ask every client to introduce itself; one with another data set or other tasks than agreed on is missing."""
        for _, reply in self._exchange(dict.fromkeys(self.clients, ASK_HELLO), Hello):
            yield reply

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
        """Have clients train; a reply says how long it, and its request, were on their way."""
        for seconds, reply in self._exchange({each.client: to_wire(each) for each in requests}, TrainReply):
            if isinstance(reply, Missing):
                yield reply
            else:
                yield replace(reply, transport=max(0.0, seconds - reply.seconds))

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply | Missing]:
        """Have clients evaluate."""
        for _, reply in self._exchange({each.client: to_wire(each) for each in requests}, EvaluateReply):
            yield reply

    def _exchange(self, wires: Mapping[str, Wire], kind: type[Kind]) -> Iterator[tuple[float, Kind | Missing]]:
        began = time.perf_counter()
        for client, wire in self.send(wires):
            seconds = time.perf_counter() - began
            answer = wire if isinstance(wire, Missing) else _of_kind(client, wire, kind)
            other = self._not_agreed(answer)
            yield seconds, Missing(client, other) if other else answer

    def _not_agreed(self, message: Hello | TrainReply | EvaluateReply | Missing) -> str:
        """Say what a message says otherwise than agreed on; nothing if it does not."""
        if message.client not in self.agreed or isinstance(message, Missing):
            return ""
        dataset, tasks = self.agreed[message.client]
        if isinstance(message, Hello):
            right, found = (message.dataset, message.tasks) == (dataset, tasks), [message.dataset, *message.tasks]
        else:
            told = message.losses if isinstance(message, TrainReply) else message.metrics
            right, found = told.keys() <= {*tasks}, [*told]
        expected = f"data set '{dataset}' and tasks {', '.join(tasks)} were agreed on"
        return "" if right else f"{expected}. Found {', '.join(found)}."


def _of_kind(client: str, wire: Mapping[str, Any], kind: type[Kind]) -> Kind | Missing:
    """Read an answer; one that cannot be read, or speaks for somebody else, is none."""
    try:
        message: Any = from_wire(wire)
    except ClientError as error:
        return Missing(client, f"its answer cannot be read. {error}")
    if message.client != client:
        return Missing(client, f"its answer bears the name '{message.client}'.")
    if not isinstance(message, kind | Missing):
        return Missing(client, f"it answered with a {type(message).__name__}, not a {kind.__name__}.")
    return message
