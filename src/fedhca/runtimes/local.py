"""All clients in this process, one after the other."""

from collections.abc import Iterator, Sequence

from fedhca.client.client import Client
from fedhca.errors import RecipeError
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, TrainReply, TrainRequest


class LocalRuntime:
    """Carry messages to clients that live in this process."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self.clients = {client.name: client for client in clients}
        if len(self.clients) < len(clients):
            names = [client.name for client in clients]
            twice = next(name for name in names if names.count(name) > 1)
            raise RecipeError(f"Client names should be unique. Found two clients '{twice}'. Rename one.")

    def hello(self) -> list[Hello]:
        """Introduce every client."""
        return [client.hello() for client in self.clients.values()]

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply]:
        """Train client by client."""
        return (self.clients[request.client].train(request) for request in requests)

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply]:
        """Evaluate client by client."""
        return (self.clients[request.client].evaluate(request) for request in requests)
