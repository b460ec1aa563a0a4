import numpy as np
import pytest
import torch

from fedhca.errors import DataError
from fedhca.tasks import IGNORE, Saliency
from fedhca.tasks.palette import NEUTRAL
from tiny import PICTURE


def test_the_loss_against_plain_loops() -> None:
    rng = np.random.default_rng(2)
    output, label = rng.normal(size=(2, 2, 3, 4)), (rng.random((2, 3, 4)) < 0.3).astype(np.int64)
    label[rng.random(label.shape) < 0.3] = IGNORE
    salient, background = (label == 1).sum(), (label == 0).sum()
    total = 0.0
    for b, y, x in np.argwhere(label != IGNORE):
        odds = np.exp(output[b, :, y, x])
        weight = (background if label[b, y, x] == 1 else salient) / (salient + background)
        total -= weight * np.log(odds[label[b, y, x]] / odds.sum())
    loss = Saliency().loss(torch.tensor(output, dtype=torch.float32), torch.tensor(label))
    assert float(loss) == pytest.approx(total / (salient + background), rel=1e-5)


def test_a_batch_of_one_class_teaches_nothing() -> None:
    output = torch.randn(1, 2, 3, 3)
    assert Saliency().loss(output, torch.ones(1, 3, 3, dtype=torch.int64)) == 0
    assert Saliency().loss(output, torch.zeros(1, 3, 3, dtype=torch.int64)) == 0


def test_the_prediction_is_the_probability_of_class_one() -> None:
    output = torch.tensor([0.0, np.log(3)], dtype=torch.float32).view(1, 2, 1, 1)
    assert Saliency().predict(output).item() == pytest.approx(0.75)


def test_a_sure_and_right_map_scores_100() -> None:
    label = torch.tensor([[[0, 1, 1, IGNORE]]])
    sure = 50.0 * torch.tensor([[[[1, -1, -1, 1]], [[-1, 1, 1, 1]]]])
    assert Saliency().measure(sure, label).result() == pytest.approx(100)


def test_a_third_class_is_refused() -> None:
    for verb in (Saliency().loss, Saliency().measure):
        with pytest.raises(DataError, match=r"'sal' should be classes 0 to 1.*Found 2: the task has 2 classes"):
            verb(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 2]]]))


def test_drawing_a_label_and_a_probability() -> None:
    label, probability = np.array([[0, 1, IGNORE]], dtype=np.uint8), np.array([[0.0, 1.0, 0.5]], dtype=np.float32)
    drawn, graded = Saliency().draw(label, PICTURE), Saliency().draw(probability, PICTURE)
    assert drawn[0, :2].tolist() == graded[0, :2].tolist()
    assert drawn[0, 2].tolist() == NEUTRAL.tolist()
    assert graded[0, 0].sum() > graded[0, 2].sum() > graded[0, 1].sum()
