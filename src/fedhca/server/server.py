"""A method's server for any transport: named tensors in, each client's own named tensors out."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fedhca.config.federation import Federation
from fedhca.errors import LayoutError, RecipeError
from fedhca.methods import Method, make_method
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.received_updates import ReceivedUpdates
from fedhca.server.rounds import check_updates, initial_state, step
from fedhca.server.state import ServerState
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, TrainReply
from fedhca.wire.parameters import Parameters

ENCODER, DECODERS = "encoder.", "decoders."
"""What names of parameters begin with: `encoder.…`, and `decoders.TASK.…`; all others stay as they are."""

Named = Mapping[str, Tensor]


class Server:
    """Mix the parameters of clients by a method; who trains them, and what carries them, is for others to say.

    Parameters are told apart by their names: `encoder.…` and `decoders.TASK.…` are mixed, all others, such as
    `heads.…`, come back as they were given. Tasks may differ between clients, and so may architectures, which are mixed
    each within its own. Give parameters without buffers: `dict(model.named_parameters())`.

    Args:
        method: a name of the catalogue, or a `Method` from `fedhca.methods`.
        options: fields of `Federation`, such as `guard`.

    Raises:
        RecipeError: there is no such method, or no such option.

    Example: two clients under FedAvg go on from their mean.

    >>> import torch
    >>> import fedhca
    >>> server = fedhca.Server("fedavg")
    >>> def model(value):
    ...     return {"encoder.w": torch.tensor([value]), "decoders.depth.w": torch.tensor([value])}
    >>> server.start({"a": model(0.0), "b": model(0.0)})
    >>> server.step({"a": model(1.0), "b": model(3.0)})["a"]["encoder.w"]
    tensor([2.])

    """

    def __init__(self, method: Method | str = "fedhca2", **options: Any) -> None:
        self.method = make_method(method) if isinstance(method, str) else method
        self.federation = Federation(**options)
        self.state: ServerState | None = None

    def start(self, models: Mapping[str, Named], datasets: Mapping[str, str] | None = None) -> None:
        """Begin with the parameters that each client starts from.

        Args:
            models: by client, each with its own tasks.
            datasets: by client; clients with equal data set and tasks are homogeneous. Each has its own if not given.

        Raises:
            LayoutError: a client has no encoder or no decoder, or its decoders differ from each other in shape.
            ClientError: a client's parameters are not finite.

        """
        known = dict(datasets or {})
        hellos = [_hello(name, model, known.get(name, name)) for name, model in models.items()]
        self.state = initial_state(self.method, ClientRegistry.of(hellos, [*models]), hellos, self.federation)

    def step(self, models: Mapping[str, Named]) -> dict[str, dict[str, Tensor]]:
        """Mix what clients have trained; return for each of them what it goes on from.

        A client that is not among `models`, or that the guard refuses, is absent this round: it keeps what it has.

        Args:
            models: by client, as in `start`.

        Raises:
            RecipeError: the server was not started, or has no such client.
            LayoutError: a client's parameters have other names or shapes than at the start.
            ClientError: a client's parameters are not finite.

        """
        if self.state is None:
            raise RecipeError("The server should know what clients start from. Found nothing. Call `start` first.")
        roster = self.state.roster
        if strangers := models.keys() - {*roster.names}:
            known = ", ".join(roster.names)
            raise RecipeError(f"Clients should be among {known}. Found '{min(strangers)}'. Give it to `start`.")
        inbox = ReceivedUpdates.beside(roster, self.state.rows, self.state.table)
        for name, model in models.items():
            tasks = roster.tasks_of(name)
            encoder, decoder = roster.layouts_of(name)
            rows = [decoder.flatten(_under(f"{DECODERS}{task}.", model)) for task in tasks]
            sent = Parameters(encoder.flatten(_under(ENCODER, model)), torch.stack(rows))
            inbox.take(TrainReply(name, self.state.round, sent, {}))
        moves, _ = check_updates(self.federation.guard, inbox, self.state)
        self.state, _ = step(self.method, self.state, inbox, moves)
        return {name: {**model, **self._answer(name)} for name, model in models.items()}

    def _answer(self, name: str) -> dict[str, Tensor]:
        """Return the parameters that one client goes on from, by name."""
        assert self.state is not None
        roster, mine = self.state.roster, self.state.parameters[name]
        tasks = roster.tasks_of(name)
        encoder, decoder = roster.layouts_of(name)
        found = {f"{ENCODER}{key}": value.clone() for key, value in encoder.unflatten(mine.encoder).items()}
        for task, row in zip(tasks, mine.decoders, strict=True):
            found |= {f"{DECODERS}{task}.{key}": value.clone() for key, value in decoder.unflatten(row).items()}
        return found


def _hello(name: str, model: Named, dataset: str) -> Hello:
    encoder = _under(ENCODER, model)
    tasks = tuple(dict.fromkeys(key.split(".")[1] for key in model if key.startswith(DECODERS)))
    decoders = [_under(f"{DECODERS}{task}.", model) for task in tasks]
    if not encoder or not decoders:
        found = ", ".join(sorted({key.partition(".")[0] for key in model})) or "none"
        raise LayoutError(f"Client '{name}' should have parameters `encoder.…` and `decoders.TASK.…`. Found {found}.")
    first, *others = [_layout(each) for each in (encoder, *decoders)]
    for task, other in zip(tasks, others, strict=True):
        others[0].require_equal(other, f"decoder `{task}` of client '{name}'")
    rows = torch.stack([others[0].flatten(each) for each in decoders])
    return Hello(name, dataset, tasks, 1, first, others[0], Parameters(first.flatten(encoder), rows))


def _under(prefix: str, model: Named) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in model.items() if key.startswith(prefix)}


def _layout(parameters: Named) -> Layout:
    return Layout.of({name: value.shape for name, value in parameters.items()})
