"""Semantic segmentation and human parts: one class per pixel."""

import numpy as np
import pytest
import torch

from fedhca.errors import DataError, RecipeError
from fedhca.tasks import IGNORE, HumanParts, SemanticSegmentation, Task
from fedhca.tasks.palette import NEUTRAL
from fedhca.tasks.stats import Confusion
from tiny import PICTURE

both = pytest.mark.parametrize("task", [SemanticSegmentation(channels=7), HumanParts()], ids=lambda task: task.name)


@both
def test_the_loss_against_plain_loops(task: Task) -> None:
    rng = np.random.default_rng(1)
    output, label = rng.normal(size=(2, 7, 3, 4)), rng.integers(7, size=(2, 3, 4))
    label[rng.random(label.shape) < 0.3] = IGNORE
    terms = []
    for b, y, x in np.argwhere(label != IGNORE):
        odds = np.exp(output[b, :, y, x])
        terms.append(-np.log(odds[label[b, y, x]] / odds.sum()))
    loss = task.loss(torch.tensor(output, dtype=torch.float32), torch.tensor(label))
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-5)


@both
def test_prediction_and_measure(task: Task) -> None:
    classes = torch.tensor([[[0, 3], [6, 1]]])
    output = torch.nn.functional.one_hot(classes, 7).movedim(-1, 1).float()
    assert torch.equal(task.predict(output), classes)
    counts = task.measure(output, torch.tensor([[[0, 2], [6, IGNORE]]]))
    assert isinstance(counts, Confusion)
    assert {tuple(cell) for cell in counts.matrix.nonzero().tolist()} == {(0, 0), (2, 3), (6, 6)}


@both
@pytest.mark.parametrize("wrong", [7, 254, -1])
def test_a_label_that_is_no_class_names_task_value_and_classes(task: Task, wrong: int) -> None:
    label = torch.tensor([[[0, wrong]]])
    for verb in (task.loss, task.measure):
        with pytest.raises(DataError, match=rf"'{task.name}' should be classes 0 to 6.*Found {wrong}: .* 7 classes"):
            verb(torch.zeros(1, 7, 1, 2), label)


@pytest.mark.parametrize("channels", [0, 256])
def test_a_number_of_classes_that_clashes_with_ignore_is_refused(channels: int) -> None:
    with pytest.raises(RecipeError, match=f"1 to 255 channels. Found {channels}"):
        SemanticSegmentation(channels=channels)


@both
def test_drawing(task: Task) -> None:
    for values in (np.array([[0, 1, IGNORE]]), np.array([[0, 1, IGNORE]], dtype=np.uint8)):
        picture = task.draw(values, PICTURE)
        assert picture[0, 2].tolist() == NEUTRAL.tolist()
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 3
