"""The edge benchmark: exact matching, thinning as its formula says, and counts that add up."""

import hashlib
from functools import reduce
from operator import add

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from fedhca.edge_detection import Scores, benchmark, boundaries_of, count, match, suppress, thin
from fedhca.edge_detection.matching import match_series
from fedhca.edge_detection.scores import THRESHOLDS
from fedhca.tasks import Edges

NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""From the right, counter-clockwise: x1 to x8."""
unhurried = settings(max_examples=60)  # the first call compiles what the others reuse
seeds = st.integers(0, 2**32 - 1)
distances = st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.3])
shares = st.floats(0.02, 0.6)
shapes = array_shapes(min_dims=2, max_dims=2, max_side=30)
maps = shapes.flatmap(lambda shape: arrays(np.uint8, shape))


def dots(seed: int, share: float, shape: tuple[int, int] = (14, 17)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


def pictures(seed: int, count: int = 4, shape: tuple[int, int] = (24, 30)) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return soft, noisy edge maps and the borders of random regions."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        regions = draw.integers(0, 3, (3, 4)).repeat(8, 0).repeat(8, 1)[: shape[0], : shape[1]]
        truth = thin(boundaries_of(regions))
        noise = draw.integers(0, 120, shape)
        found.append(((noise + 120 * np.roll(truth, draw.integers(-1, 2), axis=1)).astype(np.uint8), truth))
    return found


def near(prediction: np.ndarray, truth: np.ndarray, max_dist: float) -> np.ndarray:
    """Return the distances of all pairs, infinite where they are too far."""
    far = np.linalg.norm(np.argwhere(prediction)[:, None] - np.argwhere(truth), axis=-1)
    return np.where(far**2 <= (max_dist * np.hypot(*truth.shape)) ** 2, far, np.inf)


def by_formula(lines: np.ndarray) -> np.ndarray:
    """Return G1 to G3 of Lam, Lee and Suen (1992), as the paper has them, until no pixel goes."""
    lines, before = np.pad(lines, 1), None
    while before is None or (lines != before).any():
        before = lines.copy()
        for odd in (False, True):
            gone = [place for place in np.argwhere(lines) if may_go(lines, *place, odd=odd)]
            for y, x in gone:
                lines[y, x] = False
    return lines[1:-1, 1:-1]


def may_go(lines: np.ndarray, y: int, x: int, *, odd: bool) -> bool:
    x1, x2, x3, x4, x5, x6, x7, x8 = ring = [lines[y + dy, x + dx] for dy, dx in NEIGHBOURS]
    after = [*ring[1:], x1]  # x_{i+1} beside x_i
    crossings = sum(not ring[i] and (after[i] or after[(i + 1) % 8]) for i in (0, 2, 4, 6))
    n1, n2 = (sum(ring[i] or after[i] for i in places) for places in ((0, 2, 4, 6), (1, 3, 5, 7)))
    blocked = (x6 or x7 or not x4) and x5 if odd else (x2 or x3 or not x8) and x1
    return crossings == 1 and 2 <= min(n1, n2) <= 3 and not blocked


def by_flow(prediction: np.ndarray, truth: np.ndarray, max_dist: float) -> int:
    """Return the greatest flow from a source through predicted pixels and true ones to a sink."""
    left, right = np.nonzero(np.isfinite(near(prediction, truth, max_dist)))
    n, m = np.count_nonzero(prediction), np.count_nonzero(truth)
    source, sink = n + m, n + m + 1
    tails = np.concatenate([np.full(n, source), left, n + np.arange(m)])
    heads = np.concatenate([np.arange(n), n + right, np.full(m, sink)])
    graph = coo_array((np.ones(len(tails), np.int32), (tails, heads)), shape=(n + m + 2, n + m + 2)).tocsr()
    return int(maximum_flow(graph, source, sink, method="dinic").flow_value)


@unhurried
@given(seed=seeds, predicted=shares, true=shares, max_dist=distances)
def test_matching_is_the_greatest_flow(seed: int, predicted: float, true: float, max_dist: float) -> None:
    prediction, truth = dots(seed, predicted), dots(seed + 1, true)
    assert match(prediction, truth, max_dist) == by_flow(prediction, truth, max_dist)


@unhurried
@given(seed=seeds, predicted=shares, true=shares, max_dist=distances)
def test_matching_does_not_tell_the_two_maps_apart(seed: int, predicted: float, true: float, max_dist: float) -> None:
    prediction, truth = dots(seed, predicted), dots(seed + 1, true)
    assert match(prediction, truth, max_dist) == match(truth, prediction, max_dist)


@unhurried
@given(seed=seeds, predicted=shares, true=shares)
def test_a_greater_distance_never_costs_a_pair(seed: int, predicted: float, true: float) -> None:
    prediction, truth = dots(seed, predicted), dots(seed + 1, true)
    pairs = [match(prediction, truth, max_dist) for max_dist in (0.0, 0.01, 0.05, 0.1, 0.2, 1.0)]
    assert pairs == sorted(pairs)
    assert pairs[0] == np.count_nonzero(prediction & truth)
    assert pairs[-1] == min(np.count_nonzero(prediction), np.count_nonzero(truth))


@unhurried
@given(seed=seeds, share=shares, turns=st.integers(0, 3), mirrored=st.booleans())
def test_matching_does_not_hang_on_the_way_up(seed: int, share: float, turns: int, mirrored: bool) -> None:
    both = np.stack([dots(seed, share), dots(seed + 1, share)])
    turned = np.rot90(both[:, ::-1] if mirrored else both, turns, axes=(1, 2))
    assert match(turned[0], turned[1], 0.05) == match(both[0], both[1], 0.05)


@unhurried
@given(
    seed=seeds, steps=st.lists(shares, min_size=1, max_size=6), true=shares, max_dist=distances, shortest=st.booleans()
)
def test_a_walk_through_a_series_is_as_good_as_each_map_alone(
    seed: int, steps: list[float], true: float, max_dist: float, shortest: bool
) -> None:
    series = np.stack([dots(seed + 2 + k, share) for k, share in enumerate(steps)])  # not nested in any way
    truth = dots(seed + 1, true)
    paired = match_series(np.arange(truth.size), series.reshape(len(steps), -1), truth, max_dist, shortest=shortest)
    assert not (paired & ~series.reshape(len(steps), -1)).any()
    assert [row.sum() for row in paired] == [by_flow(one, truth, max_dist) for one in series]


@unhurried
@given(seed=seeds, share=shares, max_dist=distances)
def test_of_all_greatest_matchings_it_is_a_shortest(seed: int, share: float, max_dist: float) -> None:
    prediction, truth = dots(seed, share, (9, 11)), dots(seed + 1, share, (9, 11))
    away = near(prediction, truth, max_dist)
    cost = np.where(np.isfinite(away), np.rint(100 * away), 1e6)
    paired = match_series(np.flatnonzero(prediction), np.ones((1, len(cost)), bool), truth, max_dist, shortest=True)[0]
    pairs = linear_sum_assignment(cost)
    of_the_paired = linear_sum_assignment(cost[paired])
    far = 1e6 * (min(cost.shape) - paired.sum())
    assert cost[paired][of_the_paired].sum() == cost[pairs].sum() - far


@unhurried
@given(seed=seeds, share=st.floats(0, 1), shape=shapes)
def test_thinning_is_its_formula_pixel_by_pixel(seed: int, share: float, shape: tuple[int, int]) -> None:
    lines = dots(seed, share, shape)
    np.testing.assert_array_equal(thin(lines), by_formula(lines))


def test_thinning_answers_what_scikit_image_s_thin_did() -> None:
    draw, answers = np.random.default_rng(20), hashlib.sha256()
    for _ in range(300):
        height, width = draw.integers(1, 60, 2)
        answers.update(thin(draw.random((height, width)) < draw.random()).tobytes())
    assert answers.hexdigest() == "88fad03cbfc60568bc097e59d0d8c31c239c13d3bcd16d8590bc0275d9e5a2f4"


@unhurried
@given(seed=seeds, share=st.floats(0, 1), shape=shapes)
def test_what_is_thin_stays(seed: int, share: float, shape: tuple[int, int]) -> None:
    once = thin(dots(seed, share, shape))
    np.testing.assert_array_equal(thin(once), once)


@unhurried
@given(edge_map=maps, truth_seed=seeds)
def test_counts_are_those_of_every_threshold_on_its_own(edge_map: np.ndarray, truth_seed: int) -> None:
    truth = dots(truth_seed, 0.2, edge_map.shape)
    for number, (found, true, confirmed, predicted) in enumerate(count(edge_map, [truth], 0.1)):
        alone = thin(edge_map / 255 >= THRESHOLDS[number])
        assert (true, predicted) == (np.count_nonzero(truth), np.count_nonzero(alone))
        if number % 20 == 5:
            assert found == confirmed == match(alone, truth, 0.1)


@unhurried
@given(seed=seeds, thresholds=st.integers(1, 130))
def test_any_number_of_thresholds_will_do(seed: int, thresholds: int) -> None:
    edge_map, truth = pictures(seed, 1)[0]
    steps = np.linspace(0.01, 0.99, thresholds)
    counts = count(edge_map, [truth], 0.05, steps)
    for number in {0, thresholds // 2, thresholds - 1}:
        np.testing.assert_array_equal(counts[number], count(edge_map, [truth], 0.05, steps[[number]])[0])


@unhurried
@given(seed=seeds, annotators=st.integers(2, 4))
def test_several_annotators_add_up_and_confirm_each_pixel_once(seed: int, annotators: int) -> None:
    edge_map = pictures(seed, 1)[0][0]
    truths = [dots(seed + k, 0.1, edge_map.shape) for k in range(annotators)]
    together, alone = count(edge_map, truths), np.stack([count(edge_map, [truth]) for truth in truths])
    np.testing.assert_array_equal(together[:, :2], alone[..., :2].sum(0))
    assert (together[:, 2] <= np.minimum(alone[..., 2].sum(0), together[:, 3])).all()
    assert (together[:, 2] >= alone[..., 2].max(0)).all()


@unhurried
@given(edge_map=maps)
def test_suppression_keeps_size_and_adds_nothing_far_from_the_map(edge_map: np.ndarray) -> None:
    ridges = suppress(edge_map)
    assert ridges.shape == edge_map.shape
    if min(edge_map.shape) > 1:
        assert ridges.max() <= edge_map.max()


@unhurried
@given(seed=seeds, jobs=st.integers(1, 3))
def test_a_perfect_map_scores_100(seed: int, jobs: int) -> None:
    truths = [truth for _, truth in pictures(seed) if truth.any()]
    if truths:
        scores = benchmark([255 * truth.astype(np.uint8) for truth in truths], truths, suppress=False, jobs=jobs)
        assert (scores.ods, scores.ois) == (1, 1)


@unhurried
@given(seed=seeds)
def test_nothing_predicted_or_nothing_there_scores_0(seed: int) -> None:
    edge_map, truth = pictures(seed, 1)[0]
    for prediction, boundaries in ((np.zeros_like(edge_map), truth), (edge_map, np.zeros_like(truth))):
        scores = benchmark([prediction], [boundaries])
        assert (scores.ods, scores.ois, scores.ap) == (0, 0, 0)


@unhurried
@given(seed=seeds, order=st.permutations(range(4)))
def test_neither_order_nor_threads_change_a_score(seed: int, order: list[int]) -> None:
    drawn = pictures(seed)
    scores = [
        benchmark(*zip(*[drawn[k] for k in which], strict=True), max_dist=0.02, jobs=jobs)
        for which, jobs in ((range(4), 1), (order, 3))
    ]
    np.testing.assert_array_equal(scores[0].counts, scores[1].counts)
    np.testing.assert_array_equal(scores[0].best, scores[1].best)


@unhurried
@given(seed=seeds)
def test_the_task_s_metric_is_the_benchmark_s_ods(seed: int) -> None:
    drawn = pictures(seed)
    maps, truths = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
    output = ((maps.double() + 0.5) / 255).logit().float()[:, None]  # well between two values of 8 bits
    stat = reduce(add, [Edges().measure(output[[k]], truths[[k]].float()) for k in range(4)])
    scores = benchmark(maps.numpy(), truths.numpy())
    assert stat.result() == pytest.approx(100 * scores.ods)
    np.testing.assert_array_equal(stat.counts.numpy(), scores.counts)
    np.testing.assert_array_equal(stat.best.numpy(), scores.best)


@given(counts=arrays(np.int64, (5, 4), elements=st.integers(0, 50)))
def test_scores_are_shares(counts: np.ndarray) -> None:
    counts[:, [0, 2]] = np.minimum(counts[:, [0, 2]], counts[:, [1, 3]])
    scores = Scores(counts, counts[0], np.arange(1, 6) / 6, 1)
    for value in (scores.ods, scores.ois, scores.recall, scores.precision, scores.f):
        assert np.all((np.asarray(value) >= 0) & (np.asarray(value) <= 1))
    assert 0 <= scores.ap <= 1.01
