"""Non-maximum suppression: of a soft edge map only the ridges stay, one pixel or so wide.

With x = map / 255 in [0, 1], all in float32 and in the order of operations of the reference program, so that the
8-bit result is the same to the last bit:

1. E = x smoothed by [1 2 1] / 4 both ways, S = E smoothed by a triangle of radius 4 both ways.
2. O = atan(S_yy · sign(−S_xy) / (S_xx + 1e-5)) mod π, derivatives by central differences: the direction across an edge.
3. E goes to 0 at a pixel if 1.01 · E is below E at any of the distances ±1 … ±4 along O, interpolated bilinearly.
4. E fades by 0/5 … 4/5 over the outer 5 pixels; the result is round(255 · E).
"""

import math

import numpy as np
from jaxtyping import Float32, UInt8

from fedhca.compiled import compiled

# Numbers of float32, as a plain number would make the compiler compute in float64.
_0, _HALF, _1, _2, _255 = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2), np.float32(255)


def smooth(values: Float32[np.ndarray, "y x"], radius: int) -> Float32[np.ndarray, "y x"]:
    """Return the map smoothed by a triangle: weights 1, 2, … radius + 1, … 2, 1 both ways, mirrored at the border.

    The small radius has a way of its own, as in the reference program.
    """
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


RADIUS = 4
"""Of the triangle that smooths before the direction is taken."""
DISTANCES = (1, -1, 2, -2, 3, -3, 4, -4)
"""Pixels to either side at which a pixel is compared; which comes first is a matter of speed only."""
MARGIN = 5
"""Pixels along the border that fade."""

_PI, _LEAST, _SLACK, _INSIDE = np.float32(math.pi), np.float32(1e-5), np.float32(1.01), 1.001


def suppress(edge_map: UInt8[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x"]:
    """Return the map with 0 everywhere but on its ridges; one of fewer than 2 pixels a side has none and stays."""
    if min(edge_map.shape) < 2:
        return edge_map.copy()
    fine = smooth(np.divide(np.ascontiguousarray(edge_map), _255, dtype=np.float32), 1)
    ridges = _ridges(fine, _tangent(smooth(fine, RADIUS)))
    return np.floor(_fade(ridges) * _255 + _HALF).astype(np.uint8)


def _tangent(values: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    """Return tan O: infinite where the direction is down, NaN where there is none."""
    down, right = np.gradient(values)
    down_down, down_right = np.gradient(down)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return down_down * np.sign(-down_right) / (np.gradient(right, axis=1) + _LEAST)


@compiled
def _ridges(values: Float32[np.ndarray, "y x"], tangent: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    height, width = values.shape
    ridges = np.zeros_like(values)
    for y in range(height):
        for x in range(width):
            value = values[y, x]
            if value * _255 >= _HALF and _is_ridge(values, tangent[y, x], x, y):  # less rounds to 0 in any case
                ridges[y, x] = value
    return ridges


@compiled
def _is_ridge(values: Float32[np.ndarray, "y x"], tangent: np.float32, x: int, y: int) -> bool:
    height, width = values.shape
    right, bottom = np.float32(width - _INSIDE), np.float32(height - _INSIDE)
    # In float64 and then rounded, the angle does not hang on the machine's library. No curvature, no direction: 0.
    angle = _0 if np.isnan(tangent) else np.float32(math.atan(np.float64(tangent)))
    if angle < _0:
        angle += _PI
    across_x, across_y = np.float32(math.cos(np.float64(angle))), np.float32(math.sin(np.float64(angle)))
    for distance in DISTANCES:
        at_x = min(max(np.float32(x) + np.float32(distance) * across_x, _0), right)
        at_y = min(max(np.float32(y) + np.float32(distance) * across_y, _0), bottom)
        left, top = int(at_x), int(at_y)
        dx, dy = at_x - np.float32(left), at_y - np.float32(top)
        there = values[top, left] * (_1 - dx) * (_1 - dy) + values[top, left + 1] * dx * (_1 - dy)
        there = there + values[top + 1, left] * (_1 - dx) * dy + values[top + 1, left + 1] * dx * dy
        if _SLACK * values[y, x] < there:
            return False
    return True


def _fade(ridges: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    height, width = ridges.shape
    margin = min(MARGIN, height // 2, width // 2)
    for lines in (ridges.T, ridges):
        for line in range(margin):
            lines[line] *= np.float32(line) / np.float32(margin)
            lines[-1 - line] *= np.float32(line) / np.float32(margin)
    return ridges
