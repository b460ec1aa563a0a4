import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedhca.data.window import Window, draw_window
from fedhca.errors import DataError, RecipeError
from fedhca.tasks import IGNORE, Keypoints
from fedhca.tasks.stats import Hits
from fedhca.tasks.view import padding

TASK = Keypoints(channels=3, sigma=1.5, swaps=((1, 2),))
SIZE = (20, 30)


def bells(points: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """Paint heat maps pixel by pixel."""
    maps = torch.zeros(*points.shape[:2], *SIZE)
    for b, k, y, x in np.ndindex(*maps.shape):
        apart = (points[b, k, 0] - x) ** 2 + (points[b, k, 1] - y) ** 2
        maps[b, k, y, x] = math.exp(-apart / (2 * sigma**2))
    return maps


def test_a_perfect_heat_map_costs_nothing_and_is_found() -> None:
    label = torch.tensor([[[3.2, 4.9, 1], [29.0, 0.0, 1], [12.0, 19.0, 2]]])
    maps = bells(label)
    assert float(TASK.loss(maps, label)) == pytest.approx(0, abs=1e-10)
    assert TASK.predict(maps)[0, :, :2].tolist() == [[3, 5], [29, 0], [12, 19]]
    assert TASK.predict(maps)[0, 1:, 2].tolist() == [1, 1]
    assert TASK.measure(maps, label).result() == 100


def test_the_loss_against_plain_loops() -> None:
    draw = torch.Generator().manual_seed(0)
    output = torch.randn(1, 3, *SIZE, generator=draw)
    label = torch.tensor([[[3.0, 4.0, 1], [22.5, 11.0, 1], [1.0, 1.0, 0]]])
    maps, losses = bells(label), []
    for k in range(2):
        heat, error = maps[0, k], (output[0, k] - maps[0, k]) ** 2
        losses.append(((heat * error).sum() / heat.sum() + ((1 - heat) * error).sum() / (1 - heat).sum()) / 2)
    torch.testing.assert_close(TASK.loss(output, label), torch.stack(losses).mean())


def test_descent_on_the_loss_finds_the_points() -> None:
    label = torch.tensor([[[3.0, 4.0, 1], [22.0, 11.0, 1], [29.0, 19.0, 1]]])
    output = torch.zeros(1, 3, *SIZE, requires_grad=True)
    optimiser = torch.optim.Adam([output], lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        TASK.loss(output, label).backward()
        optimiser.step()
    assert TASK.predict(output)[..., :2].tolist() == label[..., :2].tolist()


def test_a_point_is_found_within_a_share_of_the_diagonal() -> None:
    reach = 0.1 * math.hypot(*SIZE)
    task = Keypoints(channels=1, max_dist=0.1)
    maps = torch.zeros(1, 1, *SIZE)
    maps[0, 0, 10, 10] = 1
    for apart, hits in ((0.999 * reach, 1), (1.001 * reach, 0)):
        found = task.measure(maps, torch.tensor([[[10 + apart, 10.0, 1.0]]]))
        assert isinstance(found, Hits)
        assert (int(found.hits), int(found.count)) == (hits, 1)


@pytest.mark.parametrize("row", [[3.0, 3.0, 0], [3.0, 3.0, IGNORE], [-0.6, 3.0, 1], [3.0, 19.6, 1], [math.nan, 3.0, 1]])
def test_what_is_not_labelled_or_not_in_the_picture_does_not_count(row: list[float]) -> None:
    output = torch.randn(1, 3, *SIZE, requires_grad=True)
    label = torch.tensor([[row] * 3])
    loss = TASK.loss(output, label)
    loss.backward()
    assert loss == 0
    assert output.grad is not None
    assert not output.grad.any()
    assert TASK.measure(output, label).count == 0
    assert not TASK.finished(np.array([row] * 3, np.float32), SIZE, SIZE).any()


sides = st.integers(8, 40)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**40)


@given(shape=sizes, size=sizes, seed=seeds)
def test_points_move_with_the_pixels_they_lie_on(shape: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    window = draw_window(shape, size, np.random.default_rng(seed), scale=(0.5, 2.0), flip=True)
    x, y = (np.random.default_rng(seed).integers(side) for side in shape[::-1])
    here = np.zeros(shape, np.uint8)
    here[y, x] = 1
    points = np.array([[x, y, 1], [x, y, 1], [0, 0, 0]], np.float32)
    done = TASK.finished(TASK.seen(points, window), window.shape, size)
    rows, columns = np.nonzero(window.nearest(here))
    labelled = done[done[:, 2] > 0]
    assert len(labelled) in (0, 2)
    if len(rows) and not len(labelled):  # the pixel is seen in part, its centre is cut off
        edge = [{0, side - 1} for side in window.shape]
        assert edge[0] & set(rows.tolist()) or edge[1] & set(columns.tolist())
    elif len(rows):
        top, left = padding(window.shape, size)
        reach = [0.5 + scaled / original for original, scaled in zip(shape, window.scaled, strict=True)]
        assert abs(labelled[:, 0] - columns.mean() - left).max() <= reach[1]
        assert abs(labelled[:, 1] - rows.mean() - top).max() <= reach[0]
    assert bool(done[2 if window.flipped else 1, 2]) == bool(len(labelled))
    assert not done[1 if window.flipped else 2].any()


@given(shape=sizes, seed=seeds)
def test_seen_twice_in_a_mirror_points_are_where_and_what_they_were(shape: tuple[int, int], seed: int) -> None:
    mirror = Window(shape, shape, (0, 0), shape, flipped=True)
    points = np.random.default_rng(seed).uniform(0, 8, (3, 3)).astype(np.float32)
    once = TASK.seen(points, mirror)
    np.testing.assert_allclose(once[0, 0], shape[1] - 1 - points[0, 0], atol=1e-4)
    np.testing.assert_allclose(once[1, 1:], points[2, 1:], atol=1e-4)
    np.testing.assert_allclose(TASK.seen(once, mirror), points, atol=1e-4)


def test_points_are_made_smaller_with_their_picture() -> None:
    corners = np.array([[-0.5, -0.5, 1], [29.5, 19.5, 1], [14.5, 9.5, 0]], np.float32)
    small = TASK.shrunk(corners, (20, 30), (10, 10))
    np.testing.assert_allclose(small, [[-0.5, -0.5, 1], [9.5, 9.5, 1], [4.5, 4.5, 0]])


@pytest.mark.parametrize(
    "options", [{"sigma": 0.0}, {"max_dist": 1.5}, {"swaps": ((0, 3),)}, {"swaps": ((0, 1), (1, 2))}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=f"`{next(iter(options))}` of task 'keypoints' should be .* Found "):
        Keypoints(channels=3, **options)


def test_labels_and_outputs_of_another_shape_are_refused() -> None:
    for verb in (TASK.loss, TASK.measure):
        with pytest.raises(DataError, match=r"shape \[2, 3, 3\]: x, y and whether labelled\. Found \[2, 4, 3\]"):
            verb(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 3))
        with pytest.raises(RecipeError, match=r"should get 3 channels\. Found 5"):
            verb(torch.zeros(2, 5, 4, 4), torch.zeros(2, 5, 3))


def test_a_drawing_has_a_dot_for_each_point_that_the_label_tells_of() -> None:
    picture = np.full((40, 60, 3), 100, np.uint8)
    label = np.array([[10, 10, 1], [50, 30, 1], [30, 20, 0]], np.float32)
    bare, drawn = (TASK.draw(np.array(points), picture) for points in (np.zeros((3, 3)), label))
    factor = drawn.shape[1] // 60
    assert (bare == bare[0, 0]).all()
    changed = {
        place
        for place, (x, y, _) in enumerate(label.astype(int))
        if (drawn[y * factor, x * factor] != bare[0, 0]).any()
    }
    assert changed == {0, 1}
    assert (drawn[10 * factor, 10 * factor] != drawn[30 * factor, 50 * factor]).any(), "each in a colour of its own"
    predicted = label + np.array([[2, 2, -0.2]], np.float32)
    assert TASK.known(predicted, label)[2].tolist() == [0, 0, 0]
    assert TASK.known(predicted, label)[:2].tolist() == predicted[:2].tolist()
