import numpy as np
import pytest
import torch

from fedhca.edge_detection.scores import rates
from fedhca.errors import RecipeError
from fedhca.tasks import IGNORE, Edges
from fedhca.tasks.palette import NEUTRAL
from tiny import PICTURE


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


def drawn(*columns: int, shape: tuple[int, int] = (40, 60)) -> torch.Tensor:
    """Return a picture of upright lines."""
    lines = torch.zeros(1, *shape)
    lines[:, :, list(columns)] = 1
    return lines


def sure_of(lines: torch.Tensor) -> torch.Tensor:
    return 40 * lines[:, None] - 20


def test_the_metric_is_odsf_over_all_pictures() -> None:
    first, second = drawn(20, 40), drawn(30)
    found = Edges().measure(torch.cat([sure_of(first), sure_of(first)]), torch.cat([first, second]))
    f = rates(found.counts.numpy())[2].max()
    assert found.result() == pytest.approx(100 * f)
    # Of four predicted lines two are right, of three true ones two are found; ends of lines fade out.
    right, seen = 2 / 4, 2 / 3
    assert found.result() == pytest.approx(100 * 2 * right * seen / (right + seen), abs=6)


def test_lines_farther_than_max_dist_are_no_match() -> None:
    truth, aside = drawn(20, shape=(60, 80)), drawn(21, shape=(60, 80))  # the diagonal is 100 pixels long
    assert Edges(max_dist=0.011).measure(sure_of(aside), truth).result() > 80
    assert Edges(max_dist=0.009).measure(sure_of(aside), truth).result() == 0


def test_padding_is_cut_off_before_anything_is_measured() -> None:
    label = torch.rand(1, 1, 30, 50, generator=torch.Generator().manual_seed(0)) < 0.1
    output = torch.randn(1, 1, 30, 50, generator=torch.Generator().manual_seed(1))
    margins = (5, 6, 3, 4)
    padded = torch.nn.functional.pad(label.float(), margins, value=float(IGNORE))[:, 0]
    outside = torch.nn.functional.pad(output, margins, value=9.0)
    bare = Edges().measure(output, label[:, 0].float())
    assert torch.equal(Edges().measure(outside, padded).counts, bare.counts)


def test_a_picture_without_a_label_counts_nothing() -> None:
    lines = drawn(20)
    nothing = torch.full_like(lines, float(IGNORE))
    both = Edges().measure(torch.cat([sure_of(lines), sure_of(lines)]), torch.cat([lines, nothing]))
    assert torch.equal(both.counts, Edges().measure(sure_of(lines), lines).counts)


def test_thick_labels_are_thinned() -> None:
    found = Edges().measure(sure_of(drawn(20)), drawn(19, 20, 21))
    assert int(found.counts[0, 1]) == 38  # one pixel wide, a pixel shorter at either end


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


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_distance_that_is_no_share_of_the_diagonal_is_refused(share: float) -> None:
    with pytest.raises(RecipeError, match="max_dist"):
        Edges(max_dist=share)


def test_the_prediction_is_a_probability() -> None:
    output = torch.tensor([-40.0, 0.0, 40.0]).view(1, 1, 1, 3)
    assert Edges().predict(output).flatten().tolist() == pytest.approx([0, 0.5, 1])


def test_lines_are_dark_on_white() -> None:
    picture = Edges().draw(np.array([[0, 1, IGNORE]], dtype=np.float32), PICTURE)
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[0, 1].max() < 60
    assert picture[0, 2].tolist() == NEUTRAL.tolist()
