"""One site of a federation: it answers for the clients it hosts, and lets nothing out but what messages hold."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock

from fedhca.client.client import Client
from fedhca.errors import ClientError
from fedhca.wire.encoding import KIND, Message, Wire, from_wire, to_wire
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Missing, TrainRequest

log = logging.getLogger(__name__)

TELLS = (ClientError,)
"""Errors whose text names clients, rounds and tasks only. Of others, which may name files, the kind alone leaves."""


class ClientHost:
    """Answer requests for the clients of this site, one at a time.

    Args:
        makers: of each client by name; a client is made when it is first asked for.
        keep: is told of the model each client was handed out to be measured, which is the one it may use, and of what
            was told of it.

    """

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Client]],
        keep: Callable[[EvaluateRequest, EvaluateReply], None] = lambda request, reply: None,
    ) -> None:
        self.makers, self.keep = dict(makers), keep
        self.clients: dict[str, Client] = {}
        # A call that its sender gave up still goes on here; the next one must not train beside it.
        self.lock = Lock()

    def answer(self, name: str, wire: Wire) -> Wire:
        """Answer a request for one client; whatever goes wrong is an answer, too, and stands in this site's log."""
        with self.lock:
            try:
                return to_wire(self._answer(name, wire))
            except Exception as error:
                log.exception("Client '%s' could not answer.", name)
                return to_wire(Missing(name, cause(error)))

    def _answer(self, name: str, wire: Wire) -> Message:
        if name not in self.makers:
            raise ClientError(f"This site hosts {', '.join(self.makers)}. Asked for '{name}'.")
        if wire.get(KIND) == "ask hello":
            return self._client(name).hello()
        request = from_wire(wire)
        if not isinstance(request, TrainRequest | EvaluateRequest):
            raise ClientError(f"A site should be asked to train or evaluate. Found a {type(request).__name__}.")
        if request.client != name:
            raise ClientError(f"A request for '{name}' should bear that name. Found '{request.client}'.")
        client = self._client(name)
        if isinstance(request, TrainRequest):
            return client.train(request)
        reply = client.evaluate(request)
        self.keep(request, reply)
        return reply

    def _client(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = self.makers[name]()
        return self.clients[name]


def cause(error: Exception) -> str:
    """Return what of an error may leave the site."""
    if isinstance(error, TELLS):
        return str(error)
    return f"{type(error).__name__} at its site, whose log says more."
