import math

import numpy as np
import pytest
import torch

from fedhca.tasks import IGNORE, Depth
from fedhca.tasks.palette import NEUTRAL
from tiny import PICTURE

NOT_A_DEPTH = [0.0, -1.0, float(IGNORE), math.nan, math.inf]


def test_the_loss_is_the_mean_error_in_metres_not_clamped() -> None:
    label = torch.tensor([[[1.0, 2.0, 100.0, *NOT_A_DEPTH]]])
    output = torch.tensor([[[[3.0, -1.0, 99.0, *[7.0] * 5]]]], requires_grad=True)
    loss = Depth().loss(output, label)
    loss.backward()
    assert loss.item() == pytest.approx((2 + 3 + 1) / 3)
    assert output.grad is not None
    assert output.grad.flatten().tolist() == pytest.approx([1 / 3, -1 / 3, -1 / 3, 0, 0, 0, 0, 0])


def test_the_metric_clamps_and_leaves_out_what_is_too_far() -> None:
    label = torch.tensor([[[1.0, 2.0, 79.999, 80.0, 100.0, *NOT_A_DEPTH]]])
    output = torch.tensor([[[[3.0, -5.0, 79.999, *[7.0] * 7]]]])
    measured = Depth().measure(output, label)
    assert measured.count == 3
    assert measured.result() == pytest.approx(math.sqrt((4 + 4 + 0) / 3))
    assert Depth(limit=1.5).measure(output, label).result() == 2


def test_the_prediction_is_never_negative() -> None:
    assert Depth().predict(torch.tensor([[[[-1.0, 2.0]]]])).tolist() == [[[0, 2]]]


def test_near_is_bright_and_one_far_pixel_does_not_wash_out_the_rest() -> None:
    values = np.linspace(1, 2, 400, dtype=np.float32).reshape(20, 20)
    calm = Depth().draw(values, PICTURE).astype(int)
    values[-1, -1] = 1e6
    assert np.abs(Depth().draw(values, PICTURE) - calm).max() <= 3
    assert calm[0, 0].sum() > calm[10, 10].sum() > calm[-1, -1].sum()


def test_invalid_depth_is_neutral_and_a_span_fixes_the_colours() -> None:
    values = np.array([[1.0, 3.0, IGNORE, np.nan]], dtype=np.float32)
    picture = Depth(span=(1.0, 5.0)).draw(values, PICTURE)
    assert picture[0, 2:].tolist() == [NEUTRAL.tolist()] * 2
    assert picture[0, 1].tolist() == Depth(span=(1.0, 5.0)).draw(values[:, :2], PICTURE)[0, 1].tolist()
    assert (Depth().draw(np.full((2, 2), IGNORE, dtype=np.float32), PICTURE) == NEUTRAL).all()
    assert Depth().draw(np.ones((2, 2), dtype=np.float32), PICTURE).shape == (2, 2, 3)
