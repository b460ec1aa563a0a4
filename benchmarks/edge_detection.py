"""The edge benchmark against plain library calls: `python benchmarks/edge_detection.py [--pictures N] [--side S]`.

Prints, side by side in one run on pictures made at random, the processor's milliseconds per picture with 99 thresholds:
of scikit-image's `thin` and SciPy's greatest flow at every threshold, of `fedhca.edge_detection`, and their ratio. Both
find the same numbers of pairs, or the script stops. The libraries have no suppression, so it is counted on both sides.
scikit-image is no dependency of the package: `pip install scikit-image`.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow
from scipy.spatial import KDTree
from skimage.morphology import thin as library_thin

from fedhca.edge_detection import boundaries_of, count, suppress, thin
from fedhca.edge_detection.scores import THRESHOLDS


def picture(draw: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the soft, noisy edge map of a made-up network, and the borders of the regions it looks at."""
    seeds = draw.uniform(0, side, (60, 2))
    _, regions = KDTree(seeds).query(np.argwhere(np.ones((side, side))))
    truth = thin(boundaries_of(regions.reshape(side, side)))
    lines = gaussian_filter(truth.astype(float), 1.5) * gaussian_filter(draw.uniform(0, 12, truth.shape), 8)
    texture = gaussian_filter(draw.normal(size=truth.shape), 2)
    soft = lines / lines.max() + 0.25 * np.abs(texture) / texture.max()
    return (255 * np.clip(soft, 0, 1)).astype(np.uint8), truth


def by_libraries(ridges: np.ndarray, truth: np.ndarray, max_dist: float) -> np.ndarray:
    """Return [cntR, sumP] at every threshold."""
    places = KDTree(np.argwhere(truth))
    return np.array([_pairs(library_thin(ridges / 255 >= t), places, max_dist) for t in THRESHOLDS])


def _pairs(prediction: np.ndarray, truth: KDTree, max_dist: float) -> tuple[int, int]:
    found, reach = np.argwhere(prediction), max_dist * np.hypot(*prediction.shape)
    near = KDTree(found).sparse_distance_matrix(truth, reach, output_type="coo_matrix") if len(found) else None
    if near is None or not near.nnz:
        return 0, len(found)
    n, m = len(found), truth.n
    tails = np.concatenate([np.full(n, n + m), near.row, n + np.arange(m)])
    heads = np.concatenate([np.arange(n), n + near.col, np.full(m, n + m + 1)])
    graph = coo_array((np.ones(len(tails), np.int32), (tails, heads)), shape=(n + m + 2,) * 2).tocsr()
    return int(maximum_flow(graph, n + m, n + m + 1, method="dinic").flow_value), n


def milliseconds(action: Callable[[], object], repeats: int) -> float:
    """Return the least processor time of several runs, as others may be at work on the machine."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        action()
        times.append(1000 * (time.process_time() - began))
    return min(times)


def compare(edge_map: np.ndarray, truth: np.ndarray, max_dist: float) -> tuple[float, float, float]:
    """Return the times of suppression, of all the rest, and of the rest by libraries."""
    ridges = suppress(edge_map)
    plain: list[np.ndarray] = []
    slow = milliseconds(lambda: plain.append(by_libraries(ridges, truth, max_dist)), 1)
    np.testing.assert_array_equal(plain[0], count(ridges, [truth], max_dist)[:, [0, 3]])
    first = milliseconds(lambda: suppress(edge_map), 9)
    return first, milliseconds(lambda: count(ridges, [truth], max_dist), 9), slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--max-dist", type=float, default=0.0075)
    arguments = parser.parse_args()
    draw = np.random.default_rng(0)
    print(f"{'picture':<10} {'suppression':>12} {'the rest':>10} {'together':>10} {'libraries':>11} {'ratio':>7}")
    for number in range(arguments.pictures):
        first, rest, slow = compare(*picture(draw, arguments.side), arguments.max_dist)
        ratio = (first + slow) / (first + rest)
        print(f"{number:<10} {first:9.1f} ms {rest:7.1f} ms {first + rest:7.1f} ms {slow:8.0f} ms {ratio:6.0f}×")


if __name__ == "__main__":
    main()
