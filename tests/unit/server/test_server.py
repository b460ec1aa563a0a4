"""The server that takes named tensors from any transport."""

import pytest
import torch
from torch import Tensor

import fedhca
from fedhca.config.federation import ClientEntry, Federation
from fedhca.errors import ClientError, LayoutError, RecipeError
from fedhca.experiment.drive import drive
from fedhca.methods import METHODS, make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello, TrainRequest
from fedhca.wire.parameters import Parameters

TASKS = {"a": ("depth", "edge"), "b": ("depth",), "c": ("edge",)}


def model(name: str, seed: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)

    def values(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    decoders = {f"decoders.{task}.{key}": values(3) for task in TASKS[name] for key in ("weight", "bias")}
    return {"encoder.one.weight": values(2, 3), "encoder.one.bias": values(2), **decoders, "heads.depth.w": values(4)}


def models(seed: int) -> dict[str, dict[str, Tensor]]:
    return {name: model(name, seed * 10 + place) for place, name in enumerate(TASKS)}


def rows(name: str, named: dict[str, Tensor]) -> Parameters:
    def flat(prefix: str) -> Tensor:
        return torch.cat([value.reshape(-1) for key, value in named.items() if key.startswith(prefix)])

    return Parameters(flat("encoder."), torch.stack([flat(f"decoders.{task}.") for task in TASKS[name]]))


@pytest.mark.parametrize("method", METHODS)
def test_it_answers_bit_for_bit_as_a_run_does(method: str) -> None:
    encoder, decoder = Layout.of({"one.weight": (2, 3), "one.bias": (2,)}), Layout.of({"weight": (3,), "bias": (3,)})
    start, trained = models(0), [models(1), models(2)]
    hellos = [Hello(n, n, TASKS[n], 1, encoder, decoder, rows(n, each)) for n, each in start.items()]
    setting = Federation(rounds=2, clients=tuple(ClientEntry(name=n, dataset=n, tasks=TASKS[n]) for n in TASKS))

    def train(request: TrainRequest) -> Parameters:
        return rows(request.client, trained[request.round][request.client])

    server = fedhca.Server(method)
    server.start(start)
    runtime = ScriptedRuntime(hellos, train)
    for done, sent in zip(drive(make_method(method), runtime, setting), trained, strict=True):
        answers = server.step(sent)
        for name, answer in answers.items():
            mine = rows(name, answer)
            assert torch.equal(mine.encoder, done.state.parameters[name].encoder)
            assert torch.equal(mine.decoders, done.state.parameters[name].decoders)


def test_heads_come_back_as_they_were_and_an_absent_client_keeps_what_it_has() -> None:
    server, sent = fedhca.Server("fedavg"), models(1)
    server.start(models(0))
    answers = server.step({name: sent[name] for name in ("a", "b")})
    assert answers.keys() == {"a", "b"}
    assert answers["a"].keys() == sent["a"].keys()
    assert torch.equal(answers["a"]["heads.depth.w"], sent["a"]["heads.depth.w"])
    mean = (sent["a"]["encoder.one.bias"] + sent["b"]["encoder.one.bias"]) / 2
    assert torch.allclose(answers["b"]["encoder.one.bias"], mean)
    assert server.state is not None
    assert torch.equal(server.state.parameters["c"].encoder, rows("c", models(0)["c"]).encoder)


def test_what_cannot_be_mixed_is_one_line() -> None:
    server = fedhca.Server("fedavg")
    with pytest.raises(RecipeError, match=r"Call `start` first"):
        server.step(models(1))
    with pytest.raises(LayoutError, match=r"Client 'a' should have parameters `encoder\.…` .* Found heads"):
        server.start({"a": {"heads.w": torch.ones(2)}})
    with pytest.raises(LayoutError, match="decoder `edge` of client 'a'"):
        server.start({"a": {**model("a", 0), "decoders.edge.bias": torch.ones(7)}})
    server.start(models(0))
    with pytest.raises(RecipeError, match=r"Clients should be among a, b, c\. Found 'd'"):
        server.step({"d": model("a", 1)})
    with pytest.raises(LayoutError, match=r"of the parameters should be `one\.bias`"):
        server.step({"a": {**model("a", 1), "encoder.one.bias": torch.ones(5)}})
    with pytest.raises(ClientError, match="Client 'a' should send finite parameters"):
        server.step({"a": {**model("a", 1), "encoder.one.bias": torch.full((2,), torch.nan)}})
    with pytest.raises(RecipeError, match="Federation: unknown key `gaurd`: did you mean `guard`"):
        fedhca.Server("fedavg", gaurd={"bound": 2})
