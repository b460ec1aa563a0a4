"""The server's step as the released code goes about it, written anew to be read: what ours is held against.

Models are saved as deep copies; every client's update becomes a dictionary of new tensors; last parameters and updates
are flattened and stacked; the dual is solved by SLSQP; answers are built under autograd, so that next round's hyper
gradients can be asked of the graph; they are taken apart again, put into another deep copy and loaded into the models.
The numbers are those of our `official` method: `tests/system/test_benchmarks.py` holds one against the other.
"""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

Named = dict[str, Tensor]


class ReleasedServer:
    """The server with the models of all clients: encoders take a conflict-averse direction, decoders cross attention.

    Args:
        encoders: the clients' models.
        decoders: likewise, of all clients.
        c: radius of the trust region.

    """

    def __init__(self, encoders: Sequence[Named], decoders: Sequence[Named], c: float = 0.4) -> None:
        self.models, self.c = [*encoders, *decoders], c
        self.clients = len(encoders)
        self.last = copy.deepcopy(self.models)
        self.alpha = torch.nn.Parameter(torch.full((len(encoders),), 0.1))
        self.beta = {
            layer: torch.nn.Parameter(torch.full((len(decoders),), 0.1))
            for layer in dict.fromkeys(name.rpartition(".")[0] for name in decoders[0])
        }
        weights = [self.alpha, *self.beta.values()]
        self.optimiser = torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=1e-4)
        self.outputs: tuple[list[Tensor], list[Named]] | None = None

    def step(self) -> None:
        """Answer every client: its model, trained since the last step, is loaded with what it goes on from."""
        saved = copy.deepcopy(self.models)
        if self.outputs is not None:
            self._learn(saved)
        update = copy.deepcopy(saved)
        n = self.clients
        deltas = [_minus(new, old) for new, old in zip(saved, self.last, strict=True)]
        flat_last, flat_deltas = [_flat(each) for each in self.last[:n]], [_flat(each) for each in deltas[:n]]
        encoders = self._conflict_averse(flat_last, flat_deltas)
        decoders = self._cross_attention(self.last[n:], deltas[n:])
        self.outputs = encoders, decoders
        for into, row in zip(update, encoders, strict=False):
            into.update(_unflattened(row, into))
        for into, named in zip(update[n:], decoders, strict=True):
            into.update(named)
        with torch.no_grad():
            for model, values in zip(self.models, update, strict=True):
                for name, value in values.items():
                    model[name].copy_(value)
        self.last = copy.deepcopy(self.models)

    def _learn(self, saved: Sequence[Named]) -> None:
        """Take one SGD step whose gradient comes from the graph of last round's answers."""
        assert self.outputs is not None
        back = [_minus(old, new) for new, old in zip(saved, self.last, strict=True)]
        encoders, decoders = self.outputs
        self.optimiser.zero_grad()
        torch.autograd.backward(encoders, [_flat(each) for each in back[: self.clients]], retain_graph=True)
        for named, gradient in zip(decoders, back[self.clients :], strict=True):
            torch.autograd.backward([*named.values()], [gradient[name] for name in named], retain_graph=True)
        self.optimiser.step()

    def _conflict_averse(self, last: Sequence[Tensor], deltas: Sequence[Tensor]) -> list[Tensor]:
        flat, n = torch.stack(list(deltas)).t(), len(deltas)
        gram, uniform = flat.t().mm(flat).double().numpy(), np.full(n, 1 / n)
        radius = self.c * np.sqrt(gram.mean() + 1e-8) + 1e-8
        found = minimize(
            lambda w: float(w @ gram @ uniform + radius * np.sqrt(w @ gram @ w + 1e-8)),
            uniform,
            bounds=[(0, 1)] * n,
            constraints={"type": "eq", "fun": lambda w: 1 - w.sum()},
        ).x
        chosen = (flat * torch.from_numpy(found).float().view(1, -1)).sum(1)
        direction = (flat.mean(1) + radius / (chosen.norm() + 1e-8) * chosen) / (1 + self.c**2)
        answers, alpha = copy.deepcopy(list(last)), self.alpha.clamp(0, 1)
        for i, delta in enumerate(deltas):
            answers[i] += delta + alpha[i] * direction
        return answers

    def _cross_attention(self, last: Sequence[Named], deltas: Sequence[Named]) -> list[Named]:
        answers = copy.deepcopy(list(last))
        for name in deltas[0]:
            values = torch.stack([each[name].flatten() for each in deltas])
            beta = self.beta[name.rpartition(".")[0]].clamp(0, 1)
            for k, delta in enumerate(deltas):
                attended = torch.softmax(values[k] @ values.t() / values.shape[1] ** 0.5, dim=0) @ values
                answers[k][name] += delta[name] + beta[k] * attended.view_as(delta[name])
        return answers


def _flat(named: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([value.flatten() for value in named.values()])


def _minus(sent: Mapping[str, Tensor], held: Mapping[str, Tensor]) -> Named:
    return {name: sent[name] - held[name] for name in held}


def _unflattened(row: Tensor, like: Mapping[str, Tensor]) -> Named:
    parts = row.split([value.numel() for value in like.values()])
    return {name: part.view_as(value) for (name, value), part in zip(like.items(), parts, strict=True)}
