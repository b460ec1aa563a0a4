"""Colours of the drawings.

Class colours are chosen, not listed: each is the candidate farthest from all before it, seen by whichever of normal,
red-blind and green-blind eyes tells them apart least; colour-blind eyes are asked for less. Distances are those of
OKLab (Ottosson 2020); the two kinds of colour blindness follow Machado, Oliveira and Fernandes (2009).
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Integer, Real, UInt8

NEUTRAL = np.array([225, 225, 225], dtype=np.uint8)
"""Light grey: no label here. No class and no colour map has it."""

# Colour maps: RGB at even steps from 0 to 1, linear between.
BLUES = np.array([[255, 255, 255], [198, 219, 243], [120, 168, 221], [49, 110, 181], [9, 48, 107]])
INK = np.array([[255, 255, 255], [16, 22, 40]])
EMBERS = np.array(
    [
        [5, 3, 24],
        [42, 1, 68],
        [91, 2, 91],
        [147, 4, 95],
        [199, 37, 80],
        [232, 92, 60],
        [251, 146, 58],
        [253, 200, 115],
        [254, 247, 201],
    ]
)
"""From night to pale yellow in nine even steps of OKLab's lightness."""

_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
_LAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_SIGHT = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ]
)
"""Linear RGB as normal, red-blind and green-blind eyes see it."""
_DEMAND = np.array([[2.2], [1.0], [1.0]])
"""How far apart colours should be for each of these eyes, relative to each other: the blind see fewer."""


@cache
def class_colours() -> UInt8[np.ndarray, "256 3"]:
    """Return one colour per index: slate for class 0, often the background, and `NEUTRAL` for 255."""
    candidates = _candidates()
    seen = np.stack([_lab(np.clip(candidates @ eye.T, 0, 1)) for eye in _SIGHT])
    nearest, chosen = np.full(len(candidates), np.inf), [0]
    for _ in range(254):
        distance = np.linalg.norm(seen - seen[:, chosen[-1], None], axis=-1) / _DEMAND
        nearest = np.minimum(nearest, distance.min(axis=0))
        chosen.append(int(nearest.argmax()))
    colours = np.vstack([_bytes(candidates[chosen]), NEUTRAL])
    colours.setflags(write=False)
    return colours


def shade(
    values: Real[np.ndarray, "y x"], colour_map: Integer[np.ndarray, "steps 3"], valid: Bool[np.ndarray, "y x"]
) -> UInt8[np.ndarray, "y x 3"]:
    """Return the colours of values in [0, 1] (beyond: those of the ends), `NEUTRAL` where not valid."""
    steps = np.linspace(0, 1, len(colour_map))
    level = np.where(valid, values, 0)
    colours = np.stack([np.interp(level, steps, channel) for channel in colour_map.T], axis=-1)
    return np.where(valid[..., None], colours.round().astype(np.uint8), NEUTRAL)


def _candidates() -> Float[np.ndarray, "colours 3"]:
    """Return linear RGB: slate first, then the displayable colours of a grid of lightness, chroma and hue."""
    lightness, chroma, hue = np.meshgrid(
        np.linspace(0.42, 0.89, 12), np.linspace(0.07, 0.21, 7), np.arange(0, 360, 7.5), indexing="ij"
    )
    angle = np.deg2rad(hue)
    grid = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1).reshape(-1, 3)
    linear = (np.vstack([[0.3, -0.01, -0.03], grid]) @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T
    return linear[((linear >= 0) & (linear <= 1)).all(axis=1)]


def _lab(linear: Float[np.ndarray, "colours 3"]) -> Float[np.ndarray, "colours 3"]:
    return np.cbrt(linear @ np.linalg.inv(_LMS_TO_RGB).T) @ np.linalg.inv(_LAB_TO_LMS).T


def _bytes(linear: Float[np.ndarray, "colours 3"]) -> UInt8[np.ndarray, "colours 3"]:
    """Return sRGB as a screen wants it."""
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (curved * 255).round().astype(np.uint8)
