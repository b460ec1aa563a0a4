"""What things cost, counted: passes over rows, bytes taken. Seconds are for `benchmarks/`."""

import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fedhca.aggregation import Member, Mixing, Rows, passes
from fedhca.methods import METHODS, Method, make_method
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.received_updates import ReceivedUpdates
from fedhca.server.rounds import step
from fedhca.server.state import ServerState
from fedhca.storage.tensor_file import save_tensors
from fedhca.wire.layout import Layout

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from released import ReleasedServer

CLIENTS = 6
ENCODER = Layout.of({"stem.weight": (700, 1000), "stem.bias": (1000,), "norm.weight": (1000,)}, norms={"norm"})
DECODER = Layout.of({"fuse.weight": (20, 30), "fuse.bias": (20,)})
TASKS = ("semseg", "depth", "edge", "normals")
ROSTER = ClientRegistry(
    tuple(Member(f"client{i}", "data", TASKS if i == 0 else (TASKS[i % 4],)) for i in range(CLIENTS)),
    ((ENCODER, DECODER),) * CLIENTS,
)
ROW = 4 * ENCODER.width


def tables(seed: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(count, layout.width, generator=draw)
        for count, layout in ((CLIENTS, ENCODER), (len(ROSTER.decoder_members), DECODER))
    )  # type: ignore[return-value]


def first(method: Method) -> ServerState:
    encoders, decoders = tables(0)
    encoder_state = method.encoder.init(Rows(encoders, encoders, ROSTER.members, ENCODER))
    decoder_state = method.decoder.init(Rows(decoders, decoders, ROSTER.decoder_members, DECODER))
    since = torch.zeros(CLIENTS, dtype=torch.int64)
    return ServerState(ROSTER, 0, (encoders, decoders), (encoder_state, decoder_state), since)


def begun(name: str) -> ServerState:
    """Return a state in whose rules there is a last round."""
    method = make_method(name)
    return step(method, first(method), inbox(1))[0]


def inbox(seed: int) -> ReceivedUpdates:
    return ReceivedUpdates(ROSTER, tables(seed), set(ROSTER.names))


class Taken(TorchDispatchMode):
    """Note the bytes of every tensor that an operation of torch makes, views apart."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and not func.is_view:
            given = {each.untyped_storage().data_ptr() for each in args if isinstance(each, Tensor)}
            if result.untyped_storage().data_ptr() not in given:
                self.largest = max(self.largest, result.untyped_storage().nbytes())
        return result


@contextmanager
def numpy_peak() -> Iterator[list[int]]:
    """Note the most bytes that numpy and Python took above what they held."""
    peak: list[int] = []
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield peak
    finally:
        peak.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()


@pytest.mark.parametrize("name", METHODS)
def test_a_step_of_the_server_takes_no_more_than_a_row_of_memory(name: str) -> None:
    method, state, sent = make_method(name), begun(name), inbox(2)
    with Taken():
        step(method, state, inbox(3))  # whatever is loaded or compiled is by now
    with Taken() as taken, numpy_peak() as peak:
        step(method, state, sent)
    assert taken.largest < ROW / 10
    assert peak[0] < 1.5 * ROW + 4e6  # a direction to remember, and the loops' own blocks


PASSES = {
    "local": Counter(gram=2),
    "fedavg": Counter(gram=2, combine=2),
    "fedhca2": Counter(gram=2, combine=2),
    "official": Counter(gram=2, combine=2),
    "fedamp": Counter(gram=4, combine=2),
    "median": Counter(gram=2, trim=1),
    "rfa": Counter(gram=2, combine=1),
}
"""Over encoders and decoders together: one of each kind. The journal asks every method for the Gram matrix of updates;
FedAMP itself asks for that of weights."""


@pytest.mark.parametrize("name", PASSES)
def test_a_step_of_the_server_is_so_many_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, state, sent = make_method(name), begun(name), inbox(2)
    seen: Counter[str] = Counter()

    def counted(what: str, action: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            seen[what] += 1
            return action(*args, **kwargs)

        return wrapped

    for module, what in (("rows", "gram"), ("mixing", "combine"), ("trimming", "trim")):
        monkeypatch.setattr(f"fedhca.aggregation.{module}.{what}", counted(what, getattr(passes, what)))
    step(method, state, sent)
    assert seen == PASSES[name]


@pytest.mark.parametrize("name", ["fedavg", "matfl", "pcgrad", "cagrad", "colnet", "fedhca2", "multikrum", "rfa"])
def test_what_all_take_is_mixed_once(name: str) -> None:
    """The numbers of a mixing that are not 0 are what a column costs: a few for every client, none for every pair."""
    n = 20
    members = tuple(Member(f"client{i}", f"data{i}", (f"task{i // 10}",)) for i in range(n))
    end = torch.randn(n, ENCODER.width, generator=torch.Generator().manual_seed(0))
    rows = Rows(torch.zeros_like(end), end, members, ENCODER)
    rule = make_method(name).encoder
    mixing = rule.decide(rule.init(rows), rows).mixing
    assert isinstance(mixing, Mixing)
    assert mixing.shares is not None
    assert int(mixing.heard.count_nonzero()) + int(mixing.shares.count_nonzero()) <= 4 * n


def test_saving_takes_no_copy(tmp_path: Path) -> None:
    state = tables(0)[0]
    with Taken() as taken, numpy_peak() as peak:
        save_tensors(tmp_path / "state.safetensors", {"encoders": state}, {})
    assert taken.largest == 0
    assert peak[0] < ROW


def test_the_baseline_of_the_benchmark_computes_what_the_official_method_does() -> None:
    method = make_method("official")
    state = first(method)
    encoders, decoders = tables(0)
    server = ReleasedServer([ENCODER.unflatten(row) for row in encoders], [DECODER.unflatten(row) for row in decoders])
    for seed in (1, 2, 3):
        moves = [0.01 * each for each in tables(seed)]
        sent = ReceivedUpdates(ROSTER, (state.encoders + moves[0], state.decoders + moves[1]), set(ROSTER.names))
        with torch.no_grad():
            for model, layout, move in zip(
                server.models, [ENCODER] * CLIENTS + [DECODER] * len(moves[1]), [*moves[0], *moves[1]], strict=True
            ):
                for part, value in layout.unflatten(move).items():
                    model[part].add_(value)
        state, *_ = step(method, state, sent)
        server.step()
        found = [torch.cat([value.flatten() for value in model.values()]) for model in server.models]
        torch.testing.assert_close(torch.stack(found[:CLIENTS]), state.encoders, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(torch.stack(found[CLIENTS:]), state.decoders, rtol=1e-5, atol=1e-5)
