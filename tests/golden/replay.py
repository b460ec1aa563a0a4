"""Replay a recorded federation through the public rules: `python tests/golden/replay.py RECORDING.json`.

A recording is a pair NAME.json + NAME.safetensors: what every client received and sent in each round, and what the
server of the released code answered. Prints the deviation of each round; the last line is `max deviation: …`.
Exit code 0 if it is at most 1e-6, 1 if not, 2 if there is nothing to replay.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fedhca.aggregation import Answer, Member, Rows
from fedhca.errors import FedhcaError
from fedhca.methods import Method, official
from fedhca.wire.layout import Layout

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Recording:
    """A recorded federation and access to its tensors as rows."""

    facts: dict
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        return cls(json.loads(path.read_text()), load_file(path.with_suffix(".safetensors")))

    @property
    def rounds(self) -> int:
        return self.facts["rounds"]

    @property
    def slots(self) -> list[tuple[int, str]]:
        return [(client, task) for client, task in self.facts["decoder_order"]]

    def method(self) -> Method:
        sgd = self.facts["hyper_sgd"]
        return official(
            c=self.facts["c"],
            alpha=self.facts["alpha_init"],
            beta=self.facts["beta_init"],
            hyper_learning_rate=sgd["lr"],
            hyper_momentum=sgd["momentum"],
            hyper_weight_decay=sgd["weight_decay"],
        )

    def encoder_layout(self) -> Layout:
        names = self.facts["encoder_parameter_order"]
        return Layout.of({name: self.tensors[f"round0/received/client0/backbone.{name}"].shape for name in names})

    def decoder_layout(self) -> Layout:
        client, task = self.slots[0]
        prefix = f"round0/received/client{client}/decoders.{task}."
        names = [f"{layer}.{kind}" for layer in self.facts["decoder_layers"] for kind in ("weight", "bias")]
        return Layout.of({name: self.tensors[prefix + name].shape for name in names if prefix + name in self.tensors})

    def encoders(self, stage: str, layout: Layout) -> Tensor:
        rows = [self._row(f"{stage}/client{i}/backbone.", layout) for i in range(len(self.facts["clients"]))]
        return torch.stack(rows)

    def decoders(self, stage: str, layout: Layout) -> Tensor:
        return torch.stack([self._row(f"{stage}/client{i}/decoders.{t}.", layout) for i, t in self.slots])

    def members(self) -> tuple[Member, ...]:
        clients = self.facts["clients"]
        return tuple(Member(f"client{i}", c["dataset"], tuple(c["tasks"])) for i, c in enumerate(clients))

    def decoder_members(self) -> tuple[Member, ...]:
        datasets = [client["dataset"] for client in self.facts["clients"]]
        return tuple(Member(f"client{i}", datasets[i], (task,)) for i, task in self.slots)

    def _row(self, prefix: str, layout: Layout) -> Tensor:
        return layout.flatten({segment.name: self.tensors[prefix + segment.name] for segment in layout.segments})


def deviations(recording: Recording) -> Iterator[dict[str, float]]:
    """Yield, round by round, max |difference| over encoders, decoders, α, β and Ũ, in units of the tolerance.

    A parameter's difference is divided by max(1, ‖Δθ‖/10), as the recordings' tolerance is stated.
    """
    method = recording.method()
    encoder_layout, decoder_layout = recording.encoder_layout(), recording.decoder_layout()
    start = recording.encoders("round0/received", encoder_layout)
    decoder_start = recording.decoders("round0/received", decoder_layout)
    states: list = [None, None]
    for r in range(recording.rounds):
        encoders = Rows(
            start, recording.encoders(f"round{r}/sent", encoder_layout), recording.members(), encoder_layout
        )
        decoders = Rows(
            decoder_start,
            recording.decoders(f"round{r}/sent", decoder_layout),
            recording.decoder_members(),
            decoder_layout,
        )
        if r == 0:
            states = [method.encoder.init(encoders), method.decoder.init(decoders)]
        encoder, decoder = method.encoder.apply(states[0], encoders), method.decoder.apply(states[1], decoders)
        start = recording.encoders(f"round{r}/received_next", encoder_layout)
        decoder_start = recording.decoders(f"round{r}/received_next", decoder_layout)
        scale = max(1.0, float(encoders.updates.norm(dim=1).max()) / 10)
        found = {
            "encoders": _difference(encoder.rows, start),
            "decoders": _difference(decoder.rows, decoder_start),
            **_hyper_differences(recording, r, encoder, decoder, decoder_layout),
        }
        yield {name: value / scale for name, value in found.items()}
        states = [encoder.state, decoder.state]


def _hyper_differences(
    recording: Recording, r: int, encoder: Answer, decoder: Answer, layout: Layout
) -> dict[str, float]:
    beta = torch.stack([recording.tensors[f"round{r}/beta/{layer}"] for layer in layout.layers], dim=1)
    return {
        "alpha": _difference(encoder.notes["alpha"], recording.tensors[f"round{r}/alpha"]),
        "beta": _difference(decoder.notes["beta"], beta),
        "direction": _difference(encoder.state["direction"][0], recording.tensors[f"round{r}/conflict_averse_update"]),
    }


def _difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs.double()).abs().max())


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python tests/golden/replay.py RECORDING.json   (RECORDING.safetensors lies beside it)")
        return 2
    largest = 0.0
    try:
        for r, found in enumerate(deviations(Recording.read(Path(arguments[0])))):
            print(f"round {r}: " + "  ".join(f"{name} {value:.2e}" for name, value in found.items()))
            largest = max(largest, *(inf if isnan(value) else value for value in found.values()))
            if largest == inf:
                break  # no rule goes on from rows that are not finite
    except (OSError, ValueError, SafetensorError, KeyError, TypeError, AttributeError, FedhcaError) as error:
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"Cannot replay '{arguments[0]}': it should be NAME.json with NAME.safetensors beside it. Found {line}")
        return 2
    print(f"max deviation: {largest:.3e}")
    return 0 if largest <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
