import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from fedhca.client.training import optimise, set_rate
from fedhca.config.federation import Federation, Site, Training
from fedhca.errors import ClientError, RecipeError
from fedhca.models import ClientModel
from fedhca.tasks import Depth, SemanticSegmentation
from fedhca.wire.parameters import Parameters
from tiny import CLASSES, TASKS, WIDTH, Pictures, client, encoder, participant

TESTS = Path(__file__).parents[2]
BATCH: dict[str, Tensor] = default_collate([Pictures(4)[index] for index in range(4)])


def model(*tasks: str) -> ClientModel:
    return ClientModel(encoder(dropout=0), [TASKS[task] for task in tasks], width=WIDTH)


def gradients(subject: ClientModel, tasks: Any = None, **options: Any) -> dict[str, Tensor | None]:
    """Return the gradients that one step ends with; the step itself goes nowhere."""
    chosen = [TASKS[name] for name in subject.decoders] if tasks is None else tasks
    still = torch.optim.SGD(subject.parameters(), lr=0.0)
    list(optimise(subject, chosen, still, [BATCH], **options))
    return {name: None if each.grad is None else each.grad.clone() for name, each in subject.named_parameters()}


def test_the_pull_adds_exactly_lambda_times_the_way_from_the_anchor_and_never_to_heads() -> None:
    plain = model("semseg", "depth")
    pulled = copy.deepcopy(plain)
    held = pulled.collect()
    received = Parameters(held.encoder + torch.randn_like(held.encoder), torch.randn_like(held.decoders))
    anchor = tuple(pulled.received(received))
    without, with_pull = gradients(plain), gradients(pulled, pull=0.3, anchor=anchor)
    values = {id(parameter): value for parameter, value in anchor}
    travelled = 0
    for name, parameter in pulled.named_parameters():
        before, after = without[name], with_pull[name]
        if before is None or after is None:
            assert name == "encoder.unused"
        elif id(parameter) in values:
            travelled += 1
            assert torch.equal(after, before.add(parameter.detach() - values[id(parameter)], alpha=0.3)), name
        else:
            assert name.startswith("heads.")
            assert torch.equal(after, before), name
    assert travelled == len(anchor) == 6 + 2 * 8


COMPILED = """
import torch
from torch import nn
from torch._dynamo.utils import counters
from fedhca.client import trainer
from fedhca.models import ClientModel
from tiny import TRAINING, client, same_parameters, train

trainer._require_compiler = lambda device: None
ClientModel.compile = lambda self: nn.Module.compile(self, backend="eager")
plain = client("semseg", "depth")
compiled = client("semseg", "depth", training=TRAINING.model_copy(update={"compile": True}))
held = plain.model.collect()
assert same_parameters(train(plain, 0, held).parameters, train(compiled, 0, held).parameters)
assert counters["frames"]["ok"] > 0
"""


def test_a_compiled_model_takes_the_same_steps() -> None:
    """Traced, handed over and run as machine code would be, with torch's own operations in its place: in seconds.

    In a process of its own, as the tracer cannot look through the checks of shapes that tests switch on.
    """
    done = subprocess.run([sys.executable, "-c", COMPILED], cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_compiler_is_one_line_before_the_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("No working C++ compiler found\nin the path")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(
        RecipeError, match=r"`compile: true` should find a compiler\. Found none that works: No working"
    ):
        client("depth", training=Training(batch_size=2, compile=True))


def test_no_pull_without_strength() -> None:
    plain = model("depth")
    pulled = copy.deepcopy(plain)
    held = pulled.collect()
    far = tuple(pulled.received(Parameters(held.encoder + 1, held.decoders + 1)))
    without, with_pull = gradients(plain), gradients(pulled, pull=0.0, anchor=far)
    assert all(value is None or torch.equal(value, with_pull[name]) for name, value in without.items())  # type: ignore[arg-type]


def test_the_pull_comes_before_clipping() -> None:
    subject = model("depth")
    held = subject.collect()
    far = tuple(subject.received(Parameters(held.encoder + 100, held.decoders + 100)))
    found = gradients(subject, pull=10.0, anchor=far, clip_norm=0.5)
    assert norm(found) == pytest.approx(0.5, rel=1e-4)


def norm(found: dict[str, Tensor | None]) -> float:
    return float(torch.cat([each.flatten() for each in found.values() if each is not None]).norm())


def test_the_gradient_is_clipped_to_the_norm_and_not_below_it() -> None:
    subject = model("semseg")
    whole = gradients(copy.deepcopy(subject))
    assert norm(gradients(copy.deepcopy(subject), clip_norm=norm(whole) / 4)) == pytest.approx(
        norm(whole) / 4, rel=1e-4
    )
    kept = gradients(copy.deepcopy(subject), clip_norm=norm(whole) * 4)
    assert all(value is None or torch.equal(value, kept[name]) for name, value in whole.items())  # type: ignore[arg-type]


def test_weights_scale_each_task_of_the_sum() -> None:
    weights = {"semseg": 2.0, "depth": 0.25}
    alone = {name: gradients(model(name), [SCALED[name](1.0)]) for name in weights}
    both = gradients(model(*weights), [SCALED[name](weight) for name, weight in weights.items()])
    for name, value in alone["semseg"].items():
        if value is not None and name.startswith("encoder."):
            other = alone["depth"][name]
            assert other is not None
            torch.testing.assert_close(both[name], 2.0 * value + 0.25 * other)


SCALED: dict[str, Any] = {
    "semseg": lambda weight: SemanticSegmentation(channels=CLASSES, weight=weight),
    "depth": lambda weight: Depth(weight=weight),
}


def test_losses_are_reported_without_their_weights() -> None:
    (light,), (heavy,) = (
        list(optimise(subject, [SCALED["depth"](weight)], torch.optim.SGD(subject.parameters(), lr=0.0), [BATCH]))
        for weight, subject in ((1.0, model("depth")), (9.0, model("depth")))
    )
    assert light == heavy
    assert light["depth"] > 0


def test_a_loss_that_is_not_finite_stops_before_the_step() -> None:
    subject = model("depth")
    before = subject.collect()
    broken = BATCH | {"image": torch.full_like(BATCH["image"], torch.inf)}
    optimiser = torch.optim.AdamW(subject.parameters(), lr=1.0)
    with pytest.raises(ClientError, match=r"loss of task `depth`.*Found nan at client 'a', round 3.*learning_rate"):
        list(optimise(subject, [TASKS["depth"]], optimiser, [broken], where="client 'a', round 3"))
    assert torch.equal(subject.collect().encoder, before.encoder)
    assert not optimiser.state


def test_half_precision_is_close_to_whole() -> None:
    plain = model("semseg")
    whole, half = gradients(copy.deepcopy(plain)), gradients(copy.deepcopy(plain), autocast=True)
    assert all(value is None or value.dtype == torch.float32 for value in half.values())
    assert norm(half) == pytest.approx(norm(whole), rel=0.1)
    assert norm(half) != norm(whole)


def test_the_rate_is_set_for_all_parameters() -> None:
    optimiser = torch.optim.AdamW([{"params": [torch.zeros(1)]}, {"params": [torch.ones(1)]}], lr=1.0)
    set_rate(optimiser, 0.125)
    assert [group["lr"] for group in optimiser.param_groups] == [0.125, 0.125]


def test_the_defaults_are_the_protocol_of_the_paper() -> None:
    training, epochs = Federation().training, participant("a", "depth").local_epochs
    assert (training.batch_size, training.learning_rate, training.weight_decay) == (8, 1e-4, 1e-4)
    assert (Federation().rounds, epochs) == (100, 1)
    assert (training.clip_norm, Site().workers) == (None, 0)
