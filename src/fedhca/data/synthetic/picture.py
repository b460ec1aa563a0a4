"""The picture: surfaces with their textures, in their light, as a camera's sensor takes them."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from fedhca.data.synthetic import tiles
from fedhca.data.synthetic.scene_canvas import SceneCanvas

FLAT = 0.95
"""A surface with a steeper normal is a floor: its tile lies flat instead of standing upright."""


def paint(canvas: SceneCanvas, bright: Float32[np.ndarray, "3 y x"]) -> Float32[np.ndarray, "3 y x"]:
    """Return each pixel's own colour times the light on it; what glows is as bright in the dark."""
    table = np.take(canvas.table(), canvas.solid, axis=1, mode="clip")
    value = _pattern(canvas, table[6].astype(np.int32), table[7])
    own = table[:3] + value * (table[3:6] - table[:3])
    glow = table[8]
    return own * (bright * (1 - glow) + glow)


def _pattern(canvas: SceneCanvas, tile: np.ndarray, scale: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    """Return the value of each pixel's tile, faded where a texel is smaller than a pixel."""
    camera = canvas.camera
    east, south = camera.rays.along(camera.rotation.T[[0, 2]]) * canvas.depth
    east, south = east + np.float32(camera.position[0]), south + np.float32(camera.position[2])
    flat = np.abs(canvas.facing) > FLAT
    across = np.where(flat, east, east + south) * scale + canvas.solid.astype(np.float32) * np.float32(0.37)
    value = tiles.look_up(tile, across, np.where(flat, south, canvas.height) * scale)
    texels = canvas.depth * scale * np.float32(tiles.SIDE / camera.focal / 5)
    return np.float32(0.4) + (value - np.float32(0.4)) / np.maximum(texels, 1)


def expose(
    radiance: Float32[np.ndarray, "3 y x"], edge: Float32[np.ndarray, "y x"], generator: np.random.Generator
) -> UInt8[np.ndarray, "y x 3"]:
    """Return 8-bit colours, with the noise of a sensor, and borders softened as a lens would."""
    noise = np.frombuffer(generator.bytes(edge.size), np.uint8).reshape(edge.shape).astype(np.float32)
    grain = np.float32(generator.uniform(0.02, 0.08))
    levels = 255 * radiance + (noise - np.float32(127.5)) * grain
    picture = cv2.merge(list(levels.clip(0, 255).astype(np.uint8)))
    soft = cv2.GaussianBlur(picture, (3, 3), 0.7)
    return cv2.copyTo(soft, edge.astype(np.uint8), picture)
