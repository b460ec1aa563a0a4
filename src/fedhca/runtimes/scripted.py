"""A function as client: for tests, tutorials and federations of another kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, Missing, Request, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

Train = Callable[[TrainRequest], Parameters | Missing]
Measure = Callable[[EvaluateRequest], Mapping[str, float]]


class ScriptedRuntime:
    """Answer requests by functions of yours.

    Args:
        hellos: who takes part, and what each starts from.
        train: what a client sends after local training, or a `Missing`.
        measure: the metrics of the parameters a client was handed out; none if not given.

    """

    def __init__(self, hellos: Sequence[Hello], train: Train, measure: Measure = lambda request: {}) -> None:
        self.hellos, self._train, self._measure = hellos, train, measure

    def hello(self) -> Sequence[Hello]:
        """Introduce every client."""
        return self.hellos

    def train(self, requests: Sequence[TrainRequest]) -> Iterator[TrainReply | Missing]:
        """Answer by the function."""
        for request in requests:
            sent = self._train(_plain(request))
            yield sent if isinstance(sent, Missing) else TrainReply(request.client, request.round, sent, {})

    def evaluate(self, requests: Sequence[EvaluateRequest]) -> Iterator[EvaluateReply]:
        """Answer by the function."""
        for request in requests:
            yield EvaluateReply(request.client, request.round, self._measure(_plain(request)))


def _plain(request: Request) -> Request:
    """Return the request with the parameters as they are read, whatever they travelled as."""
    return replace(request, parameters=request.parameters.plain)
