import numpy as np
import pytest
import torch

from fedhca.tasks import IGNORE, SurfaceNormals
from fedhca.tasks.palette import NEUTRAL
from tiny import PICTURE


def test_the_loss_against_plain_loops() -> None:
    rng = np.random.default_rng(3)
    output, label = rng.normal(size=(2, 3, 3, 4)), rng.normal(size=(2, 3, 3, 4))  # labels far from unit length
    known = rng.random((2, 3, 4)) < 0.7
    label[np.broadcast_to(~known[:, None], label.shape)] = IGNORE
    total = 0.0
    for b, y, x in np.argwhere(known):
        vector = output[b, :, y, x]
        total += np.abs(vector / np.sqrt((vector**2).sum()) - label[b, :, y, x]).sum()
    loss = SurfaceNormals().loss(torch.tensor(output, dtype=torch.float32), torch.tensor(label, dtype=torch.float32))
    assert float(loss) == pytest.approx(total / known.sum(), rel=1e-5)


def test_one_unlabelled_channel_leaves_the_pixel_out_but_zeros_are_measured() -> None:
    label = torch.tensor([[0.0, 0, 1], [0, IGNORE, 1], [0, 0, 0]]).T.view(1, 3, 1, 3)
    output = torch.tensor([[0.0, 0, 1], [1, 0, 0], [1, 0, 0]]).T.reshape(1, 3, 1, 3)
    measured = SurfaceNormals().measure(output, label)
    assert measured.count == 2
    assert measured.result() == pytest.approx((0 + 90) / 2)


def test_predictions_have_unit_length_and_a_zero_output_keeps_a_finite_gradient() -> None:
    output = torch.randn(2, 3, 4, 5)
    output[0, :, 0, 0] = 0
    output.requires_grad_()
    length = torch.linalg.vector_norm(SurfaceNormals().predict(output), dim=1)
    assert length[0, 0, 0] == 0
    torch.testing.assert_close(length.flatten()[1:], torch.ones(39))
    (gradient,) = torch.autograd.grad(SurfaceNormals().loss(output, torch.ones(2, 3, 4, 5)), output)
    assert gradient.abs().max() < 10


def test_drawing() -> None:
    values = np.array([[0, 0, 1], [-1, 0, 0], [IGNORE] * 3], dtype=np.float32).T.reshape(3, 1, 3)
    picture = SurfaceNormals().draw(values, PICTURE)
    assert picture[0].tolist() == [[128, 128, 255], [0, 128, 128], NEUTRAL.tolist()]
