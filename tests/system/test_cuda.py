"""On a GPU: the same numbers as on the processor, up to rounding, for every method; runs go on, and models predict.

Skipped where torch finds none. In continuous integration there is none: run it by hand on a machine that has one.
"""

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import fedhca
from fedhca import RunFolder, Training
from fedhca.methods import METHODS
from fedhca.server.state import Round
from tiny import RECIPE, WIDTH, Command, encoder, participant

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use; found none")

PEOPLE = (participant("a", "depth", "semseg", "normals"), participant("b", "edge"), participant("c", "depth", "sal"))
TRAINING = Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1, precision="float32")
SETTINGS: dict[str, Any] = {"rounds": 3, "evaluate_every": 1, "training": TRAINING, "model": {"width": WIDTH}}


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolve in float32, as a processor does."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def last(method: str, device: str, **options: Any) -> Round:
    chance = encoder(dropout=0.0)  # what chance leaves out is another on each device
    return list(fedhca.run(PEOPLE, chance, method, **{**SETTINGS, "device": device, **options}))[-1]


def apart(one: Tensor, other: Tensor) -> float:
    """Return how far one is from the other, as a share of its length; AdamW makes much of a gradient's last bits."""
    one, other = one.detach().double().cpu(), other.detach().double().cpu()
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_as_on_the_processor(method: str) -> None:
    here, there = last(method, "cpu"), last(method, "cuda")
    assert there.state.encoders.is_cuda
    assert apart(there.state.encoders, here.state.encoders) < 3e-2
    assert apart(there.state.decoders, here.state.decoders) < 3e-2
    assert there.metrics["a"].keys() == here.metrics["a"].keys()
    for task, loss in here.losses["a"].items():
        assert there.losses["a"][task] == pytest.approx(loss, rel=1e-2)


@pytest.mark.parametrize("form", ["bfloat16", "int8"])
def test_parameters_travel_in_fewer_bits(form: Any) -> None:
    whole, short = last("fedavg", "cuda"), last("fedavg", "cuda", sent=form)
    assert apart(short.state.encoders, whole.state.encoders) < 5e-2


def test_states_may_rest_on_disk(tmp_path: Path) -> None:
    resting = last("fedhca2", "cuda", out=tmp_path / "run", states="disk")
    assert apart(resting.state.encoders, last("fedhca2", "cuda").state.encoders) < 1e-2


@pytest.mark.parametrize("method", ["fedhca2", "ditto", "fedamp"])
@pytest.mark.parametrize("form", ["float32", "int8"])
def test_a_run_goes_on_after_a_stop(method: str, form: Any, tmp_path: Path) -> None:
    settings = {**SETTINGS, "device": "cuda", "sent": form}
    stopped = islice(fedhca.run(PEOPLE, encoder(0.0), method, out=tmp_path / "run", **settings), 1)
    assert [each.number for each in stopped] == [1]
    resumed = [*fedhca.run(PEOPLE, encoder(0.0), method, out=tmp_path / "run", **settings)]
    assert [each.number for each in resumed] == [2, 3]
    whole = last(method, "cuda", sent=form)
    assert apart(resumed[-1].state.encoders, whole.state.encoders) < 1e-2


def test_the_command_runs_measures_and_predicts(command: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert command("run", RECIPE, "--set", "device=cuda", "--out", run).code == 0
    assert RunFolder.open(run).finished
    assert command("evaluate", run).code == 0
    picture = tmp_path / "picture.png"
    shutil.copy(Path(__file__).parents[2] / "docs" / "figures" / "theorem-1.png", picture)
    done = command("predict", run, picture, "--client", "figures-sal")
    assert done.code == 0, done.err
    assert list((run / "predictions").glob("*.png"))


def test_mixed_precision_is_the_default_and_near() -> None:
    mixed = last("fedhca2", "cuda", training=TRAINING.model_copy(update={"precision": "auto"}))
    whole = last("fedhca2", "cuda")
    assert not torch.equal(mixed.state.encoders, whole.state.encoders)
    for name, losses in whole.losses.items():
        assert mixed.losses[name] == pytest.approx(losses, rel=0.1)
