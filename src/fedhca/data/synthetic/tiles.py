"""Textures: small square tiles of values in [0, 1] that repeat over a surface and mix its two colours."""

import cv2
import numpy as np
from jaxtyping import Float32, Int

SIDE = 64
"""Side of a tile in texels; a power of two."""


def _noise(generator: np.random.Generator, cells: int) -> Float32[np.ndarray, "64 64"]:
    """Return smooth noise that repeats without a seam."""
    coarse = np.tile(generator.random((cells, cells), dtype=np.float32), (3, 3))
    fine = cv2.resize(coarse, (3 * SIDE, 3 * SIDE), interpolation=cv2.INTER_CUBIC)
    return fine[SIDE : 2 * SIDE, SIDE : 2 * SIDE]


def _drawn() -> dict[str, Float32[np.ndarray, "64 64"]]:
    generator = np.random.default_rng(20240617)
    row, column = np.mgrid[:SIDE, :SIDE]
    cloud = 0.5 * _noise(generator, 4) + 0.3 * _noise(generator, 8) + 0.2 * _noise(generator, 16)
    grain = 0.4 * _noise(generator, 16) + 0.6 * generator.random((SIDE, SIDE), dtype=np.float32)
    shift = (row // 16 % 2) * 16
    joint = (row % 16 < 2) | ((column + shift) % 32 < 2)
    streaks = np.repeat(generator.random((SIDE, 4), dtype=np.float32), 16, axis=1)
    gap = (row % 8 == 0) | ((column + 24 * (row // 8)) % SIDE == 0)
    return {
        "plain": 0.5 * cloud,
        "cloud": (2.2 * cloud - 0.7).clip(0, 1),
        "grain": grain,
        "leaves": (0.6 * grain + 0.8 * _noise(generator, 10) - 0.2).clip(0, 1),
        "stripes": (column // 8 % 2).astype(np.float32),
        "hoops": (row // 8 % 2).astype(np.float32),
        "checks": ((row // 16 + column // 16) % 2).astype(np.float32),
        "bricks": np.where(joint, 1.0, 0.35 * grain),
        "squares": np.where((row % 32 < 2) | (column % 32 < 2), 1.0, 0.3 * cloud),
        "planks": np.where(gap, 1.0, 0.6 * np.repeat(streaks[::8], 8, axis=0)[:SIDE] + 0.2 * grain),
        "wood": (0.5 + 0.3 * np.sin(row * (np.pi / 8) + 6 * cloud) + 0.3 * (grain - 0.5)).clip(0, 1),
        "dots": (((row % 16 - 8) ** 2 + (column % 16 - 8) ** 2) < 22).astype(np.float32),
        "abstract": (np.floor(4 * (0.5 * _noise(generator, 3) + 0.5 * _noise(generator, 6))) / 3).clip(0, 1),
    }


_TILES = _drawn()
_ATLAS = np.concatenate([tile.astype(np.float32).ravel() for tile in _TILES.values()])

NAMES = tuple(_TILES)
"""The names of all tiles."""


def look_up(
    tile: Int[np.ndarray, "y x"], across: Float32[np.ndarray, "y x"], along: Float32[np.ndarray, "y x"]
) -> Float32[np.ndarray, "y x"]:
    """Return the value of each pixel's tile at coordinates measured in tiles."""
    column = np.floor(across * SIDE).astype(np.int32) & (SIDE - 1)
    row = np.floor(along * SIDE).astype(np.int32) & (SIDE - 1)
    return np.take(_ATLAS, (tile * SIDE + row) * SIDE + column, mode="clip")
