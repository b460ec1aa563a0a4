"""Theorem 1 for losses drawn at random; the code is that of docs/theorem-1.md, run as printed there."""

import runpy
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import grad
from torch.nn.functional import softplus

DOCS = Path(__file__).parents[2] / "docs"
PAGE: dict[str, Any] = runpy.run_path(str(DOCS / "figures" / "theorem_1.py"))["names_of"](DOCS / "theorem-1.md")
Start, federated, multi_task, left, right = (
    PAGE[name] for name in ("Start", "federated", "multi_task", "left", "right")
)

SMALL, TINY = 2.0**-12, 2.0**-16
FEW = settings(max_examples=30)
FORMS = st.sampled_from(["A", "B"])
STEPS = st.integers(2, 5)

BENDS = (torch.tanh, torch.sin, torch.sigmoid, softplus)
PENALTIES = (torch.square, softplus, lambda error: error.cosh().log(), lambda error: 1 - error.cos())

any_start = st.fixed_dictionaries(
    {
        "tasks": st.integers(2, 4),
        "inputs": st.integers(1, 4),
        "features": st.integers(1, 4),
        "seed": st.integers(0, 2**31),
    }
)
"""Arguments of `small_networks`."""


def draws(seed: int) -> Any:
    chance = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=chance, dtype=torch.float64)


def small_networks(tasks: int, inputs: int, features: int, seed: int) -> Any:
    """Tasks on one encoder, each with a bend, a penalty and five examples of its own."""
    draw = draws(seed)

    def task(bend: Any, penalty: Any) -> Any:
        pictures, labels = draw(5, inputs), draw(5)
        return lambda encoder, own: penalty(bend(pictures @ encoder.view(inputs, features)) @ own - labels).mean()

    losses = [task(BENDS[(seed + i) % 4], PENALTIES[(seed // 4 + i) % 4]) for i in range(tasks)]
    return Start(losses, draw(inputs * features), [draw(features) for _ in losses])


def unexplained(start: Any, form: str, step: float, steps: int, times: float = 1.0) -> float:
    """What the right side, taken so many times, leaves of the left side, over η²."""
    return float((left(start, form, step, steps) - times * right(start, form, step, steps)).norm()) / step**2


def of_third_order(start: Any, form: str, step: float, steps: int, times: float = 1.0) -> bool:
    """Whether it falls with η: to a sixteenth, or even less where the term in η³ happens to be small."""
    before, after = (unexplained(start, form, each, steps, times) for each in (16 * step, step))
    rounding = 1e-14 / step**2
    return after <= before / 8 + rounding


@FEW
@given(drawn=any_start, form=FORMS, step=st.floats(1e-6, 1.0))
def test_after_one_step_the_worlds_are_one(drawn: dict[str, int], form: str, step: float) -> None:
    start = small_networks(**drawn)
    assert left(start, form, step, 1).norm() <= 1e-14 * (1 + start.encoder.norm())
    assert not right(start, form, step, 1).any()


@FEW
@given(drawn=any_start, form=FORMS, steps=STEPS)
def test_with_one_task_the_worlds_are_one(drawn: dict[str, int], form: str, steps: int) -> None:
    start = small_networks(**drawn | {"tasks": 1})
    assert left(start, form, 0.1, steps).norm() <= 1e-14 * (1 + start.encoder.norm())
    assert not right(start, form, 0.1, steps).any()


@FEW
@given(drawn=any_start, form=FORMS, steps=STEPS)
def test_what_is_unexplained_is_of_third_order(drawn: dict[str, int], form: str, steps: int) -> None:
    assert of_third_order(small_networks(**drawn), form, SMALL, steps)


@FEW
@given(drawn=any_start, form=FORMS, steps=STEPS, wrong=st.sampled_from([-1.0, 0.0, 0.5, 2.0]))
def test_no_other_sign_or_coefficient_will_do(drawn: dict[str, int], form: str, steps: int, wrong: float) -> None:
    start = small_networks(**drawn)
    assume(float(right(start, form, 1.0, steps).norm()) > 0.1)
    assert not of_third_order(start, form, TINY, steps, times=wrong)


@FEW
@given(drawn=any_start, form=FORMS, steps=STEPS)
def test_together_the_tasks_come_to_agree_more(drawn: dict[str, int], form: str, steps: int) -> None:
    start = small_networks(**drawn)
    value, factor = PAGE["FORMS"][form]
    assume(float(right(start, form, 1.0, steps).norm()) > 1)
    ends = [world(start, PAGE["share"](start, form), TINY, steps) for world in (multi_task, federated)]
    together, apart = (value(PAGE["gradients"](start, end)) for end in ends)
    assert factor * (together - apart) > 0


@FEW
@given(drawn=any_start, steps=STEPS)
def test_decoders_must_train_alike(drawn: dict[str, int], steps: int) -> None:
    """With decoders at rest in one world only, M_i h_i is left over; at rest in both, the theorem holds again."""
    start = small_networks(**drawn)
    pairs = list(zip(start.losses, start.decoders, strict=True))
    rest = start._replace(losses=[lambda encoder, _, loss=loss, own=own: loss(encoder, own) for loss, own in pairs])

    def half_square(encoder: Tensor) -> Tensor:
        return sum(grad(loss, argnums=1)(encoder, own).square().sum() / 2 for loss, own in pairs)

    crossed = steps * (steps - 1) / 2 * grad(half_square)(start.encoder)  # its derivative is Σ M_i h_i
    assume(float(crossed.norm()) > 0.1)
    mixed = (multi_task(rest, 1, TINY, steps) - federated(start, 1, TINY, steps)) / TINY**2
    assert float((right(start, "A", 1.0, steps) - mixed - crossed).norm()) < 0.1 * float(crossed.norm())
    assert of_third_order(rest, "A", SMALL, steps)


@FEW
@given(seed=st.integers(0, 2**31), tasks=st.integers(2, 4), step=st.floats(1e-3, 0.5))
def test_of_quadratic_losses_and_two_steps_nothing_is_left(seed: int, tasks: int, step: float) -> None:
    """No third derivatives, no third step: both sides are η² Σ_{i≠j} H_i g_j, here without autograd."""
    draw, d, e = draws(seed), 3, 2
    matrices, slopes = [draw(d + e, d + e) for _ in range(tasks)], [draw(d + e) for _ in range(tasks)]

    def quadratic(matrix: Tensor, slope: Tensor) -> Any:
        def loss(encoder: Tensor, own: Tensor) -> Tensor:
            both = torch.cat([encoder, own])
            return both @ matrix @ both / 2 + slope @ both

        return loss

    start = Start(list(map(quadratic, matrices, slopes)), draw(d), [draw(e) for _ in range(tasks)])
    second = [(matrix + matrix.T) / 2 for matrix in matrices]
    first = [
        (hessian @ torch.cat([start.encoder, own]) + slope)[:d]
        for hessian, slope, own in zip(second, slopes, start.decoders, strict=True)
    ]
    expected = step**2 * sum(second[i][:d, :d] @ first[j] for i, j in permutations(range(tasks), 2))
    for found in (left(start, "A", step, 2), right(start, "A", step, 2)):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(left(start, "B", step, 2), right(start, "B", step, 2), rtol=1e-9, atol=1e-13)
