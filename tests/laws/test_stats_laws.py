"""Evaluation is a sum: order and batching cannot matter, and nothing adds nothing."""

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from operator import add

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fedhca.tasks import IGNORE, Edges
from fedhca.tasks.stats import Angles, Confusion, Hits, Squares, Stat, ThresholdCounts

PICTURES = 5
CLASSES = 4

Pictures = dict[str, Tensor]
MEASURES: dict[str, Callable[[Pictures], Stat]] = {
    "share": lambda p: Hits.of(p["i"] == p["k"], p["valid"]),
    "squares": lambda p: Squares.of(p["a"], p["b"], p["valid"]),
    "angles": lambda p: Angles.of(p["v"], p["w"], p["valid"]),
    "confusion": lambda p: Confusion.of(p["i"], p["k"], p["valid"], CLASSES),
    "thresholds": lambda p: ThresholdCounts.of(p["a"], p["k"], p["valid"]),
    "edges": lambda p: Edges().measure(p["a"][:, None] - 0.5, torch.where(p["valid"], p["k"] % 2, IGNORE).float()),
}
each_measure = pytest.mark.parametrize("name", MEASURES)
seeds = st.integers(0, 2**32 - 1)
unhurried = settings(max_examples=40)  # the first call compiles what the others reuse


def pictures(seed: int) -> Pictures:
    draw = torch.Generator().manual_seed(seed)
    size = (PICTURES, 3, 4)
    return {
        "a": torch.rand(size, generator=draw),
        "b": torch.rand(size, generator=draw),
        "v": torch.randn(PICTURES, 3, 3, 4, generator=draw),
        "w": torch.randn(PICTURES, 3, 3, 4, generator=draw),
        "i": torch.randint(CLASSES, size, generator=draw),
        "k": torch.randint(CLASSES, size, generator=draw),
        "valid": torch.rand(size, generator=draw) < torch.rand((), generator=draw),
    }


def some(all_of_them: Pictures, which: list[int]) -> Pictures:
    return {name: tensor[which] for name, tensor in all_of_them.items()}


def assert_same(one: Stat, other: Stat) -> None:
    for name, value in vars(one).items():
        # Counts agree to the last bit; sums of float64 up to the order of their additions.
        torch.testing.assert_close(value, vars(other)[name], rtol=1e-13 if value.is_floating_point() else 0, atol=0)


@each_measure
@unhurried
@given(seed=seeds, order=st.permutations(range(PICTURES)), cuts=st.sets(st.integers(1, PICTURES - 1)))
def test_order_and_batching_do_not_matter(name: str, seed: int, order: list[int], cuts: set[int]) -> None:
    measure, whole = MEASURES[name], pictures(seed)
    ends = [0, *sorted(cuts), PICTURES]
    batches = [some(whole, order[start:stop]) for start, stop in pairwise(ends)]
    assert_same(reduce(add, map(measure, batches)), measure(whole))


@each_measure
@unhurried
@given(seed=seeds)
def test_merging_is_commutative_and_associative(name: str, seed: int) -> None:
    a, b, c = (MEASURES[name](some(pictures(seed), [i])) for i in range(3))
    assert_same(a + b, b + a)
    assert_same((a + b) + c, a + (b + c))


@each_measure
@unhurried
@given(seed=seeds)
def test_a_batch_in_which_nothing_counts_is_neutral(name: str, seed: int) -> None:
    measured = MEASURES[name](pictures(seed))
    nothing = MEASURES[name](pictures(seed) | {"valid": torch.zeros(PICTURES, 3, 4, dtype=torch.bool)})
    for merged in (measured + nothing, nothing + measured):
        assert all(torch.equal(vars(merged)[key], value) for key, value in vars(measured).items())


@each_measure
@unhurried
@given(seed=seeds)
def test_what_is_not_valid_does_not_matter(name: str, seed: int) -> None:
    one, other = pictures(seed), pictures(seed + 1)
    valid = one["valid"]
    mixed = {key: torch.where(valid if one[key].ndim == 3 else valid[:, None], one[key], other[key]) for key in one}
    assert_same(MEASURES[name](one), MEASURES[name](mixed | {"valid": valid}))
