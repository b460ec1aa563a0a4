"""Smoothing by a triangle: weights 1, 2, … radius + 1, … 2, 1 both ways, mirrored at the border.

In float32 and in the order of operations of the reference program, which is why the small radius has a way of its own.
"""

import numpy as np
from jaxtyping import Float32

from fedhca.compiled import compiled

_0, _1, _2 = np.float32(0), np.float32(1), np.float32(2)


def smooth(values: Float32[np.ndarray, "y x"], radius: int) -> Float32[np.ndarray, "y x"]:
    """Return the map smoothed."""
    if min(values.shape) <= max(2 * radius + 1, 3):
        return _smooth_small(values, radius)
    return _smooth_finely(values) if radius == 1 else _smooth_widely(values, radius)


def _smooth_small(values: Float32[np.ndarray, "y x"], radius: int) -> Float32[np.ndarray, "y x"]:
    """Return the same by its definition, for maps so small that a triangle may reach over both borders."""
    weights = np.bartlett(2 * radius + 3)[1:-1] / (radius + 1)
    padded = np.pad(values, radius, mode="symmetric")
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis)
        padded = np.asarray(windows @ weights, np.float32)
    return padded


@compiled
def _smooth_finely(values: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    height, width = values.shape
    share = _1 / np.float32(16)
    across, smooth = np.empty_like(values), np.empty_like(values)
    for y in range(height):
        row, out = values[y], across[y]
        out[0] = share * (row[0] + _2 * row[0] + row[1])
        for x in range(1, width - 1):
            out[x] = share * (row[x - 1] + _2 * row[x] + row[x + 1])
        out[width - 1] = share * (row[width - 2] + _2 * row[width - 1] + row[width - 1])
    for x in range(width):
        smooth[0, x] = (_1 + _2) * across[0, x] + across[1, x]
        smooth[height - 1, x] = across[height - 2, x] + (_1 + _2) * across[height - 1, x]
    for y in range(1, height - 1):
        above, row, below, out = across[y - 1], across[y], across[y + 1], smooth[y]
        for x in range(width):
            out[x] = above[x] + _2 * row[x] + below[x]
    return smooth


def _smooth_widely(values: Float32[np.ndarray, "y x"], radius: int) -> Float32[np.ndarray, "y x"]:
    """Smooth by running sums: from one pixel to the next, the triangle's sum grows by its slope."""
    return _sum_down(_sum_across(values, radius + 1), radius + 1)


@compiled
def _sum_across(values: Float32[np.ndarray, "y x"], reach: int) -> Float32[np.ndarray, "y x"]:
    """Return the sums along the rows, divided by those of the weights of both ways."""
    height, width = values.shape
    share = _1 / np.float32(reach**4)
    sums = np.empty_like(values)
    for y in range(height):
        row, out = values[y], sums[y]
        slope = total = row[0]
        for x in range(1, reach):
            slope += row[x]
            total += slope
        slope, total = _0, share * (_2 * total - slope)
        out[0] = total
        for x in range(1, width):
            left = row[x - 1 - reach] if x > reach else row[reach - x]
            right = row[x - 1 + reach] if x <= width - reach else row[2 * width - reach - x]
            slope += left + right - _2 * row[x - 1]
            total += share * slope
            out[x] = total
    return sums


@compiled
def _sum_down(values: Float32[np.ndarray, "y x"], reach: int) -> Float32[np.ndarray, "y x"]:
    """Return the sums along the columns, all columns side by side."""
    height, width = values.shape
    sums, slopes, totals = np.empty_like(values), values[0].copy(), values[0].copy()
    for y in range(1, reach):
        for x in range(width):
            slopes[x] += values[y, x]
            totals[x] += slopes[x]
    for x in range(width):
        slopes[x], totals[x] = _0, _2 * totals[x] - slopes[x]
        sums[0, x] = totals[x]
    for y in range(1, height):
        above = values[y - 1 - reach] if y > reach else values[reach - y]
        below = values[y - 1 + reach] if y <= height - reach else values[2 * height - reach - y]
        row, out = values[y - 1], sums[y]
        for x in range(width):
            slopes[x] += above[x] + below[x] - _2 * row[x]
            totals[x] += slopes[x]
            out[x] = totals[x]
    return sums
