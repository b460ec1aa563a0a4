"""All clients in this process, one after the other."""

from collections.abc import Callable, Iterator, Sequence

from fedhca.client.client import Client
from fedhca.client.shared_trainer import SharedTrainer
from fedhca.errors import FedhcaError, RecipeError
from fedhca.wire.messages import (
    EvaluateReply,
    EvaluateRequest,
    Hello,
    Missing,
    Reply,
    Request,
    TrainReply,
    TrainRequest,
)
from fedhca.wire.parameters import Parameters


class LocalRuntime:
    """Carry messages to clients that live in this process."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self.clients = {client.name: client for client in clients}
        if len(self.clients) < len(clients):
            names = [client.name for client in clients]
            twice = next(name for name in names if names.count(name) > 1)
            raise RecipeError(f"Client names should be unique. Found two clients '{twice}'. Rename one.")

    def hello(self) -> Iterator[Hello]:
        """Introduce every client; those who share a module start from the same parameters, copied out once."""
        first: dict[SharedTrainer, Parameters] = {}
        for client in self.clients.values():
            hello = client.hello(first.get(client.state.shared))
            first[client.state.shared] = hello.parameters
            yield hello

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
        """Train client by client."""
        return self._each(requests, Client.train)

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply | Missing]:
        """Evaluate client by client."""
        return self._each(requests, Client.evaluate)

    def _each(
        self, requests: Sequence[Request], answer: Callable[[Client, Request], Reply]
    ) -> Iterator[Reply | Missing]:
        for request in requests:
            try:
                yield answer(self.clients[request.client], request)
            except FedhcaError as error:
                yield Missing(request.client, str(error), error)
