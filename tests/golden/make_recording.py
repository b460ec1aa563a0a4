"""Write small recordings of the released server step: `python tests/golden/make_recording.py [NAME …]`.

A slow reference, written from the description of the method (spec/method.md §2.1) and nothing of this package: dense
named tensors, α and β as torch parameters with an autograd graph that lives from round to round, torch's SGD, SciPy's
SLSQP. `--check RECORDING.json …` replays recordings through it, those of the released code above all.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import minimize
from torch import Tensor, nn

HERE = Path(__file__).parent / "recordings"
Named = dict[str, Tensor]


class Reference:
    """The server of the released code, one `step` a round."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.clients, self.c = facts["clients"], facts["c"]
        self.encoder = [f"backbone.{name}" for name in facts["encoder_parameter_order"]]
        self.layers, self.slots = facts["decoder_layers"], [(i, task) for i, task in facts["decoder_order"]]
        self.alpha = nn.Parameter(torch.full((len(self.clients),), facts["alpha_init"]).double())
        self.beta = {
            layer: nn.Parameter(torch.full((len(self.slots),), facts["beta_init"]).double()) for layer in self.layers
        }
        self.sgd = torch.optim.SGD([self.alpha, *self.beta.values()], **facts["hyper_sgd"])
        self.handed_out: list[Named] = []  # with the graph that leads back to α and β

    def step(self, received: list[Named], sent: list[Named]) -> tuple[list[Named], Tensor]:
        """Return what the server answers each client, and Ũ."""
        moves = [
            {name: sent[i][name].double() - received[i][name].double() for name in self._parameters(i)}
            for i in range(len(self.clients))
        ]
        if self.handed_out:
            self._learn(moves)
        direction = self._conflict_averse(torch.stack([self._flat(move) for move in moves]))
        self.handed_out = [self._new_parameters(i, received[i], moves, direction) for i in range(len(self.clients))]
        answers = [
            {name: self.handed_out[i].get(name, sent[i][name]).detach().to(sent[i][name].dtype) for name in sent[i]}
            for i in range(len(self.clients))
        ]
        return answers, direction

    def _learn(self, moves: list[Named]) -> None:
        self.sgd.zero_grad(set_to_none=False)
        for outputs, move in zip(self.handed_out, moves, strict=True):
            for name, output in outputs.items():
                output.backward(-move[name], retain_graph=True)
        self.sgd.step()

    def _conflict_averse(self, moves: Tensor) -> Tensor:
        gram = (moves @ moves.T).numpy()
        n = len(gram)
        b = np.full(n, 1 / n)
        radius = self.c * sqrt(gram.mean() + 1e-8) + 1e-8

        def objective(w: np.ndarray) -> float:
            return float(w @ gram @ b + radius * sqrt(w @ gram @ w + 1e-8))

        constraint = {"type": "eq", "fun": lambda w: 1 - sum(w)}
        w = torch.from_numpy(minimize(objective, b, bounds=[(0, 1)] * n, constraints=constraint).x)
        mixed = (w[:, None] * moves).sum(0)
        return (moves.mean(0) + radius / (mixed.norm() + 1e-8) * mixed) / (1 + self.c**2)

    def _new_parameters(self, i: int, received: Named, moves: list[Named], direction: Tensor) -> Named:
        group = self._group(i)
        new, start = {}, 0
        for name in self.encoder:
            own = torch.stack([moves[j][name] for j in group]).mean(0)
            stop = start + own.numel()
            extra = self.alpha[i].clamp(0, 1) * direction[start:stop].view_as(own)
            new[name], start = received[name].double() + own + extra, stop
        for k, (client, task) in enumerate(self.slots):
            if client == i:
                new |= self._new_decoder(k, f"decoders.{task}.", received, moves)
        return new

    def _new_decoder(self, k: int, prefix: str, received: Named, moves: list[Named]) -> Named:
        new = {}
        for layer in self.layers:
            for part in (f"{layer}.{kind}" for kind in ("weight", "bias") if f"{prefix}{layer}.{kind}" in received):
                rows = torch.stack([moves[j][f"decoders.{task}.{part}"].flatten() for j, task in self.slots])
                attended = torch.softmax(rows[k] @ rows.T / sqrt(rows.shape[1]), 0) @ rows
                own = rows[k] + self.beta[layer][k].clamp(0, 1) * attended
                new[prefix + part] = received[prefix + part].double() + own.view_as(received[prefix + part])
        return new

    def _group(self, i: int) -> list[int]:
        """Adjacent clients with equal data set and equal list of tasks."""
        first = last = i
        while first > 0 and self.clients[first - 1] == self.clients[i]:
            first -= 1
        while last + 1 < len(self.clients) and self.clients[last + 1] == self.clients[i]:
            last += 1
        return list(range(first, last + 1))

    def _parameters(self, i: int) -> list[str]:
        prefixes = [f"decoders.{task}.{layer}." for client, task in self.slots if client == i for layer in self.layers]
        return self.encoder + [prefix + kind for prefix in prefixes for kind in ("weight", "bias")]

    def _flat(self, named: Named) -> Tensor:
        return torch.cat([named[name].flatten() for name in self.encoder])


ENCODER = {"patch.weight": (3, 2, 2, 2), "patch.bias": (3,), "fc.weight": (4, 3)}
DECODER: dict[str, dict[str, tuple[int, ...]]] = {
    "linear_fuse.0": {"weight": (2, 4, 1, 1), "bias": (2,)},
    "linear_fuse.1": {"weight": (2,), "bias": (2,), "running_mean": (2,)},
    "linears.0": {"weight": (2, 3), "bias": (2,)},
}


@dataclass(frozen=True)
class Federation:
    """What to record: `step` is how far clients move, `turn` how much of the last move the next one takes back."""

    clients: tuple[tuple[str, tuple[str, ...]], ...]
    rounds: int = 3
    c: float = 0.4
    alpha: float = 0.1
    beta: float = 0.1
    step: float = 0.3
    turn: float = -0.5


NYUD = ("nyud", ("semseg", "normals", "edge", "depth"))
FEDERATIONS = {
    "scenario": Federation((*(("pascalcontext", (t,)) for t in ("semseg", "human_parts", "normals")), NYUD)),
    "groups": Federation(
        (
            ("a", ("semseg",)),
            ("a", ("semseg",)),
            ("b", ("semseg", "depth")),
            ("b", ("depth", "semseg")),
            ("a", ("semseg",)),
        )
    ),
    "dead_zone": Federation(
        (("a", ("semseg",)), ("b", ("normals",)), ("b", ("semseg", "depth"))),
        rounds=5,
        alpha=0.03,
        beta=0.97,
        step=0.8,
        turn=1.3,
    ),
    "saturated": Federation(
        (("a", ("semseg",)), ("b", ("normals",))), rounds=5, alpha=0.95, beta=0.9, step=0.8, turn=-1
    ),
    "small_updates": Federation((("a", ("semseg",)), ("a", ("normals",)), ("b", ("semseg", "depth"))), step=1e-4),
    "single_client": Federation((NYUD,), c=0.2),
    "zero_updates": Federation((("a", ("semseg",)), ("b", ("normals",))), step=0.0),
}


def facts_of(name: str) -> dict[str, Any]:
    federation = FEDERATIONS[name]
    return {
        "name": name,
        "clients": [{"dataset": dataset, "tasks": list(tasks)} for dataset, tasks in federation.clients],
        "rounds": federation.rounds,
        "c": federation.c,
        "alpha_init": federation.alpha,
        "beta_init": federation.beta,
        "hyper_sgd": {"lr": 0.01, "weight_decay": 1e-4, "momentum": 0.9},
        "encoder_parameter_order": list(ENCODER),
        "decoder_layers": list(DECODER),
        "decoder_order": [[i, task] for i, (_, tasks) in enumerate(federation.clients) for task in sorted(tasks)],
    }


def record(name: str) -> tuple[dict[str, Any], Named]:
    """Simulate local training and answer it by the reference."""
    facts, federation = facts_of(name), FEDERATIONS[name]
    draw = torch.Generator().manual_seed(sum(map(ord, name)))
    received = [client_of(tasks, draw) for _, tasks in federation.clients]
    tensors = {f"round0/received/client{i}/{key}": value for i, r in enumerate(received) for key, value in r.items()}
    reference, last = Reference(facts), [{key: torch.zeros_like(v) for key, v in r.items()} for r in received]
    for number in range(federation.rounds):
        last = [move(before, federation, draw) for before in last]
        sent = [{key: r[key] + m[key] for key in r} for r, m in zip(received, last, strict=True)]
        received, direction = reference.step(received, sent)
        for stage, clients in (("sent", sent), ("received_next", received)):
            for i, client in enumerate(clients):
                tensors |= {f"round{number}/{stage}/client{i}/{key}": value for key, value in client.items()}
        tensors |= hyper_tensors(number, reference, direction)
    return facts, {key: value.float().contiguous().clone() for key, value in tensors.items()}


def client_of(tasks: tuple[str, ...], draw: torch.Generator) -> Named:
    shapes: dict[str, tuple[int, ...]] = {f"backbone.{key}": shape for key, shape in ENCODER.items()}
    for task in tasks:
        for layer, parts in DECODER.items():
            shapes |= {f"decoders.{task}.{layer}.{part}": shape for part, shape in parts.items()}
    return {key: torch.randn(shape, generator=draw) for key, shape in shapes.items()}


def move(before: Named, federation: Federation, draw: torch.Generator) -> Named:
    size = federation.step
    return {
        key: size * torch.randn(value.shape, generator=draw) - federation.turn * value for key, value in before.items()
    }


def hyper_tensors(number: int, reference: Reference, direction: Tensor) -> Named:
    beta = {f"round{number}/beta/{layer}": value for layer, value in reference.beta.items()}
    found = {f"round{number}/alpha": reference.alpha, f"round{number}/conflict_averse_update": direction, **beta}
    return {name: value.detach().clone() for name, value in found.items()}  # as they are now, before the next step


def check(path: Path) -> float:
    """Return the largest deviation of the reference from a recording, in units of its tolerance."""
    facts, tensors = json.loads(path.read_text(encoding="utf-8")), load_file(path.with_suffix(".safetensors"))
    reference, worst = Reference(facts), 0.0
    received = clients_at(tensors, "round0/received", len(facts["clients"]))
    for number in range(facts["rounds"]):
        sent = clients_at(tensors, f"round{number}/sent", len(received))
        scale = max(1.0, *(float(_distance(r, s, reference.encoder)) / 10 for r, s in zip(received, sent, strict=True)))
        answers, direction = reference.step(received, sent)
        received = clients_at(tensors, f"round{number}/received_next", len(received))
        found = {f"round{number}/received_next/client{i}/{k}": v for i, a in enumerate(answers) for k, v in a.items()}
        for name, value in (found | hyper_tensors(number, reference, direction)).items():
            worst = max(worst, float((value.double() - tensors[name].double()).abs().max()) / scale)
    return worst


def clients_at(tensors: Named, stage: str, n: int) -> list[Named]:
    return [
        {
            key.removeprefix(f"{stage}/client{i}/"): v
            for key, v in tensors.items()
            if key.startswith(f"{stage}/client{i}/")
        }
        for i in range(n)
    ]


def _distance(a: Named, b: Named, names: list[str]) -> Tensor:
    return torch.cat([(a[name] - b[name]).flatten() for name in names]).norm()


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--check"]:
        found = {path: check(Path(path)) for path in arguments[1:]}
        for path, far in found.items():
            print(f"{path}: max deviation {far:.3e}")
        return 0 if found and max(found.values()) <= 1e-6 else 1
    HERE.mkdir(exist_ok=True)
    for name in arguments or FEDERATIONS:
        facts, tensors = record(name)
        (HERE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        save_file(tensors, HERE / f"{name}.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
