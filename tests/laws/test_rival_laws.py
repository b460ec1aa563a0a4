"""The rivals in whole runs: degenerate settings are other methods bit for bit, with real clients that really train."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

import fedhca
from fedhca.client.participant import Participant
from fedhca.experiment.recipes import load_recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.methods import Method, make_method
from fedhca.server.state import Round
from tiny import RECIPE, WIDTH, encoder, equal, participant

OPTIONS: dict[str, Any] = {
    "rounds": 3,
    "evaluate_every": 1,
    "training": fedhca.Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1),
    "model": {"width": WIDTH},
}
SITES = (("a", "semseg"), ("b", "depth"), ("c", "semseg", "normals", "depth"))


def sites(local_epochs: int = 2) -> list[Participant]:
    return [replace(participant(name, *tasks), local_epochs=local_epochs) for name, *tasks in SITES]


def play(method: Method, out: Path | None = None) -> list[Round]:
    return list(fedhca.run(sites(), encoder(), method, out=out, **OPTIONS))


def metrics(found: Sequence[Round]) -> list[Mapping[str, Mapping[str, float]]]:
    return [each.metrics for each in found]


def same_rows(one: Sequence[Round], other: Sequence[Round]) -> bool:
    return all(
        equal(a.state.encoders, b.state.encoders) and equal(a.state.decoders, b.state.decoders)
        for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def local() -> list[Round]:
    return play(make_method("local"))


@pytest.fixture(scope="module")
def fedavg() -> list[Round]:
    return play(make_method("fedavg"))


def test_fedprox_without_pull_is_fedavg(fedavg: list[Round]) -> None:
    free, pulled = play(make_method("fedprox", mu=0.0)), play(make_method("fedprox", mu=1.0))
    assert same_rows(free, fedavg)
    assert metrics(free) == metrics(fedavg)
    assert not same_rows(pulled, fedavg)


def test_the_pull_holds_back(fedavg: list[Round]) -> None:
    start = encoder_rows()
    far, near = (
        float((each[0].state.encoders - start).norm()) for each in (fedavg, play(make_method("fedprox", mu=100.0)))
    )
    assert near < far


def encoder_rows() -> torch.Tensor:
    """The encoders all start from."""
    return play_start().state.encoders


def play_start() -> Round:
    frozen = fedhca.Training(batch_size=2, learning_rate=1e-30, weight_decay=0.0)
    (start,) = fedhca.run(sites(1), encoder(), "local", rounds=1, training=frozen, model={"width": WIDTH})
    return start


def test_ditto_without_pull_is_local_at_home_and_fedavg_on_the_server(local: list[Round], fedavg: list[Round]) -> None:
    free, pulled = play(make_method("ditto", pull=0.0)), play(make_method("ditto", pull=3.0))
    assert same_rows(free, fedavg)
    assert metrics(free) == metrics(local)
    assert same_rows(pulled, fedavg)  # the second model never reaches the server
    assert metrics(pulled) != metrics(local)


def test_fedamp_that_hears_nobody_is_local(local: list[Round]) -> None:
    alone = play(make_method("fedamp", kappa=0.0, pull=0.0))
    assert same_rows(alone, local)
    assert metrics(alone) == metrics(local)


def test_fedamp_measures_what_was_trained_not_the_cloud_model(local: list[Round]) -> None:
    found = play(make_method("fedamp", pull=0.0))
    assert not same_rows(found, local)
    assert found[0].metrics == local[0].metrics  # the first training started where all do
    assert found[1].metrics != local[1].metrics


@pytest.mark.parametrize(("groups", "other"), [(1, "fedper"), (3, "local")])
def test_matfl_at_both_ends(groups: int, other: str) -> None:
    found, expected = play(make_method("matfl", groups=groups)), play(make_method(other))
    assert same_rows(found, expected)
    assert metrics(found) == metrics(expected)


def test_fedrep_that_trains_together_is_fedper() -> None:
    found, expected = play(make_method("fedrep", heads_first=0.0)), play(make_method("fedper"))
    assert same_rows(found, expected)
    assert metrics(found) == metrics(expected)


def test_fedrep_trains_one_part_at_a_time() -> None:
    heads, body = (play(make_method("fedrep", heads_first=share)) for share in (1.0, 1e-9))
    start = play_start()
    torch.testing.assert_close(heads[-1].state.encoders, start.state.encoders, rtol=0, atol=1e-20)
    assert not torch.equal(heads[-1].state.decoders, start.state.decoders)
    assert not torch.equal(body[-1].state.encoders, start.state.encoders)
    torch.testing.assert_close(body[-1].state.decoders, start.state.decoders, rtol=0, atol=1e-20)


def test_fedbn_keeps_norms_at_home() -> None:
    found = play(make_method("fedbn"))[-1].state
    spread = found.encoders.std(0)
    assert 0 < int((spread > 0).sum()) == 8  # the weight and bias of the encoder's one BatchNorm of width 4
    assert float(found.decoders.std(0).max()) > 0


REMEMBERING = ("ditto", "fedamp", "fedhca2_sum", "fedrep")


@pytest.mark.parametrize("name", REMEMBERING)
def test_an_interrupted_run_goes_on_with_the_same_bits(name: str, tmp_path: Path) -> None:
    whole = play(make_method(name))
    list(islice(fedhca.run(sites(), encoder(), make_method(name), out=tmp_path, **OPTIONS), 2))
    rest = play(make_method(name), tmp_path)
    assert [each.number for each in rest] == [3]
    assert same_rows(rest, whole[2:])
    assert metrics(rest) == metrics(whole[2:])


@pytest.mark.parametrize("name", ["fedavg", "ditto", "fedamp"])
def test_a_saved_run_measures_and_predicts_by_the_model_it_keeps(name: str, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / name, load_recipe(RECIPE, [f"method={name}", "rounds=2"]))
    last = list(fedhca.run(folder.recipe, out=folder.path))[-1]
    rounds, found = folder.evaluate()
    assert (rounds, found) == (2, last.metrics)
    kept = {client: folder.predictor(client).model.collect() for client in folder.roster.names}
    handed_out = dict(zip(folder.roster.names, last.state.encoders, strict=True))
    for client, parameters in kept.items():
        assert torch.equal(parameters.encoder, handed_out[client]) == (name == "fedavg")
