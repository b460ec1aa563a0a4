import numpy as np
import pytest
import torch

from fedhca.errors import RecipeError
from fedhca.tasks import IGNORE, Edges
from fedhca.tasks.palette import NEUTRAL


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    output, label = 3 * rng.normal(size=(2, 1, 3, 4)), rng.random((2, 3, 4))
    label[rng.random(label.shape) < 0.3] = IGNORE
    return output, label


@pytest.mark.parametrize("weight", [0.95, 0.5, 0.0, 1.0])
def test_the_loss_against_plain_loops(weight: float) -> None:
    output, label = batch()
    terms = []
    for b, y, x in np.argwhere(label != IGNORE):
        p, truth = 1 / (1 + np.exp(-output[b, 0, y, x])), label[b, y, x]
        terms.append(-weight * truth * np.log(p) - (1 - weight) * (1 - truth) * np.log(1 - p))
    loss = Edges(positive_weight=weight).loss(
        torch.tensor(output, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)
    )
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-5)


def test_the_metric_is_the_loss_over_all_pixels_however_batched() -> None:
    output, label = (torch.tensor(part, dtype=torch.float32) for part in batch())
    one_by_one = Edges().measure(output[:1], label[:1]) + Edges().measure(output[1:], label[1:])
    assert one_by_one.result() == pytest.approx(float(Edges().loss(output, label)), rel=1e-5)


@pytest.mark.parametrize("sure", [100.0, 1e4, 1e30])
def test_a_sure_answer_gives_a_finite_loss(sure: float) -> None:
    output = torch.full((1, 1, 2, 2), -sure).requires_grad_()
    loss = Edges().loss(output, torch.ones(1, 2, 2))
    loss.backward()
    assert loss.item() == pytest.approx(0.95 * sure)
    assert output.grad is not None
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_0_to_1_is_refused(weight: float) -> None:
    with pytest.raises(RecipeError, match="positive_weight"):
        Edges(positive_weight=weight)


def test_the_prediction_is_a_probability() -> None:
    output = torch.tensor([-40.0, 0.0, 40.0]).view(1, 1, 1, 3)
    assert Edges().predict(output).flatten().tolist() == pytest.approx([0, 0.5, 1])


def test_lines_are_dark_on_white() -> None:
    picture = Edges().draw(np.array([[0, 1, IGNORE]], dtype=np.float32))
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[0, 1].max() < 60
    assert picture[0, 2].tolist() == NEUTRAL.tolist()
