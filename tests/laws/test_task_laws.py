"""What must hold for every task's loss and metric, and one law of each loss's own."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fedhca.tasks import (
    IGNORE,
    Classification,
    Depth,
    Edges,
    HumanParts,
    Keypoints,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from fedhca.tasks.stats import Squares

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        SemanticSegmentation(channels=5),
        HumanParts(),
        Saliency(),
        SurfaceNormals(),
        Edges(),
        Depth(),
        Classification(channels=4),
        Keypoints(channels=3, sigma=0.8),
    )
}
SIZE = (3, 4, 5)
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
MAPS = {name: task for name, task in TASKS.items() if name not in ("classification", "keypoints")}
each_map = pytest.mark.parametrize("task", MAPS.values(), ids=MAPS)
seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0, 1)
unhurried = settings(max_examples=40)  # the first call compiles what the others reuse


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def outputs(task: Task, seed: int) -> Tensor:
    b, y, x = SIZE
    size = (b, task.channels) if task.name == "classification" else (b, task.channels, y, x)
    return 3 * torch.randn(size, generator=generator(seed))


def labels(task: Task, seed: int, share: float = 1.0) -> Tensor:
    draw = generator(seed)
    known = torch.rand(SIZE, generator=draw) < share
    b, y, x = SIZE
    match task.name:
        case "normals":
            full = torch.nn.functional.normalize(torch.randn(b, 3, y, x, generator=draw), dim=1)
            return torch.where(known[:, None], full, float(IGNORE))
        case "edge":
            return torch.where(known, torch.rand(SIZE, generator=draw), float(IGNORE))
        case "depth":
            return torch.where(known, 0.1 + 9 * torch.rand(SIZE, generator=draw), float(IGNORE))
        case "classification":
            return torch.where(known[:, 0, 0], torch.randint(task.channels, (b,), generator=draw), IGNORE)
        case "keypoints":
            places = torch.rand(b, task.channels, 2, generator=draw) * torch.tensor([x - 1.0, y - 1.0])
            return torch.cat([places, known[:, 0, : task.channels, None].float()], dim=2)
    return torch.where(known, torch.randint(task.channels, SIZE, generator=draw), IGNORE)


def unknown(task: Task, label: Tensor) -> Tensor:
    if task.name == "keypoints":
        return label[..., 2, None, None] == 0
    return label[:, :1] == IGNORE if task.name == "normals" else label[:, None] == IGNORE


@each_task
@unhurried
@given(seed=seeds)
def test_without_a_label_the_loss_is_zero_and_so_is_its_gradient(task: Task, seed: int) -> None:
    output = outputs(task, seed).requires_grad_()
    label = labels(task, seed, share=0.0)
    loss = task.loss(output, label)
    (gradient,) = torch.autograd.grad(loss, output)
    assert loss == 0
    assert not gradient.any()
    assert math.isnan(task.measure(output, label).result())


@each_task
@unhurried
@given(seed=seeds, share=shares)
def test_unlabelled_pixels_do_not_matter(task: Task, seed: int, share: float) -> None:
    label, output = labels(task, seed, share), outputs(task, seed).requires_grad_()
    hole = unknown(task, label)
    other = torch.where(hole, outputs(task, seed + 1), output)
    loss = task.loss(output, label)
    torch.testing.assert_close(task.loss(other, label), loss, rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert not gradient[hole.expand_as(gradient)].any()
    one, two = task.measure(output, label).result(), task.measure(other, label).result()
    assert one == two or (math.isnan(one) and math.isnan(two))


@each_task
@unhurried
@given(seed=seeds, share=shares, value=st.sampled_from([math.nan, math.inf, -math.inf]), first=st.booleans())
def test_a_number_that_is_not_finite_makes_the_metric_nan_whatever_it_is_merged_with(
    task: Task, seed: int, share: float, value: float, first: bool
) -> None:
    output, label = outputs(task, seed), labels(task, seed, share)
    broken = output.clone()
    broken.view(-1)[seed % broken.numel()] = value
    found, whole = task.measure(broken, label), task.measure(output, label)
    merged = found + whole if first else whole + found
    assert math.isnan(found.result())
    assert math.isnan((merged + whole).result())


def test_a_task_of_ones_own_is_not_asked_where_an_output_is_not_finite() -> None:
    class Own(Depth):  # type: ignore[misc]
        def measure(self, output: Tensor, label: Tensor) -> Squares:
            return Squares.of(torch.zeros_like(label), label, label > 0)

    label = torch.full((1, 2, 2), 3.0)
    assert Own().measure(torch.zeros(1, 1, 2, 2), label).result() == 3
    assert math.isnan(Own().measure(torch.full((1, 1, 2, 2), math.nan), label).result())


@each_map
@unhurried
@given(seed=seeds, share=shares)
def test_the_place_of_a_pixel_does_not_matter(task: Task, seed: int, share: float) -> None:
    output, label = outputs(task, seed), labels(task, seed, share)
    turned, flipped = output.transpose(-1, -2).flip(-1), label.transpose(-1, -2).flip(-1)
    torch.testing.assert_close(task.loss(turned, flipped), task.loss(output, label))
    if task.name != "edge":  # the benchmark's search for ridges tells left from right
        assert task.measure(turned, flipped).result() == pytest.approx(
            task.measure(output, label).result(), nan_ok=True
        )


@each_task
@unhurried
@given(seed=seeds)
def test_half_precision_outputs_are_computed_in_single_precision(task: Task, seed: int) -> None:
    output, label = outputs(task, seed).bfloat16(), labels(task, seed)
    assert task.loss(output, label).dtype == torch.float32
    assert torch.equal(task.loss(output, label), task.loss(output.float(), label))
    assert torch.equal(task.predict(output), task.predict(output.float()))


@each_task
@unhurried
@given(seed=seeds)
def test_a_step_against_the_gradient_lowers_the_loss(task: Task, seed: int) -> None:
    output, label = outputs(task, seed).requires_grad_(), labels(task, seed)
    loss = task.loss(output, label)
    (gradient,) = torch.autograd.grad(loss, output)
    assert task.loss(output - 1e-2 * gradient / gradient.norm(), label) < loss


@unhurried
@given(seed=seeds, share=shares, shift=st.floats(-5, 5))
def test_cross_entropy_sees_only_differences_of_logits(seed: int, share: float, shift: float) -> None:
    for task in (TASKS["semseg"], TASKS["human_parts"], TASKS["classification"]):
        output, label = outputs(task, seed), labels(task, seed, share)
        torch.testing.assert_close(task.loss(output + shift, label), task.loss(output, label))


@unhurried
@given(seed=seeds, share=shares)
def test_saliency_treats_both_classes_alike(seed: int, share: float) -> None:
    task = Saliency()
    output, label = outputs(task, seed), labels(task, seed, share)
    swapped = torch.where(label == IGNORE, IGNORE, 1 - label)
    torch.testing.assert_close(task.loss(output.flip(1), swapped), task.loss(output, label))


@unhurried
@given(seed=seeds, weight=st.floats(0, 1))
def test_edges_and_no_edges_change_roles_with_their_weights(seed: int, weight: float) -> None:
    output, label = outputs(TASKS["edge"], seed), labels(TASKS["edge"], seed)
    loss = Edges(positive_weight=weight).loss(output, label)
    torch.testing.assert_close(Edges(positive_weight=1 - weight).loss(-output, 1 - label), loss)


@unhurried
@given(seed=seeds, scale=st.floats(0.01, 100), share=shares)
def test_the_length_of_a_predicted_normal_does_not_matter(seed: int, scale: float, share: float) -> None:
    task = SurfaceNormals()
    output, label = outputs(task, seed), labels(task, seed, share)
    torch.testing.assert_close(task.loss(scale * output, label), task.loss(output, label))
    assert task.measure(scale * output, label).result() == pytest.approx(
        task.measure(output, label).result(), abs=1e-4, nan_ok=True
    )


@unhurried
@given(seed=seeds, scale=st.floats(0.1, 5))
def test_depth_is_in_the_unit_of_the_label(seed: int, scale: float) -> None:
    task = Depth()
    output, label = outputs(task, seed), labels(task, seed)
    torch.testing.assert_close(task.loss(scale * output, scale * label), scale * task.loss(output, label))
    rmse = task.measure(output, label).result()
    assert task.measure(scale * output, scale * label).result() == pytest.approx(scale * rmse, rel=1e-5)


@unhurried
@given(seed=seeds, share=shares)
def test_heat_maps_moved_with_their_points_cost_the_same(seed: int, share: float) -> None:
    task = TASKS["keypoints"]
    output, label = outputs(task, seed), labels(task, seed, share)
    turned, points = output.transpose(-1, -2).flip(-1), label[..., [1, 0, 2]]
    points[..., 0] = SIZE[1] - 1 - points[..., 0]
    torch.testing.assert_close(task.loss(turned, points), task.loss(output, label))
    found, expected = (task.measure(*pair).result() for pair in ((turned, points), (output, label)))
    assert found == pytest.approx(expected, nan_ok=True)


@unhurried
@given(seed=seeds, share=shares, order=st.permutations(range(SIZE[0])))
def test_the_order_of_pictures_does_not_matter(seed: int, share: float, order: list[int]) -> None:
    for task in TASKS.values():
        output, label = outputs(task, seed), labels(task, seed, share)
        torch.testing.assert_close(task.loss(output[order], label[order]), task.loss(output, label))
        assert task.measure(output[order], label[order]).result() == pytest.approx(
            task.measure(output, label).result(), nan_ok=True
        )
