"""The pinhole camera: world to camera coordinates to pixels, and the rays of a window of pixels."""

from dataclasses import dataclass
from functools import cached_property
from math import cos, sin

import numpy as np
from jaxtyping import Float, Int

NEAR = 0.05
"""Nothing closer than this, in metres, is seen."""

Window = tuple[slice, slice]
"""Rows and columns of a rectangle of pixels."""


@dataclass(frozen=True)
class Rays:
    """Directions (u, v, -1) through a window of pixels: u by column, v by row; so a ray's parameter is the depth."""

    u: Float[np.ndarray, " x"]
    v: Float[np.ndarray, " y"]

    def along(self, vectors: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k y x"]:
        """Return the inner product of each vector with each direction."""
        across, up, back = vectors.T.astype(np.float32)[..., None]
        return (across * self.u)[:, None, :] + (up * self.v - back)[:, :, None]

    @cached_property
    def squared(self) -> Float[np.ndarray, "y x"]:
        """The squared length of each direction."""
        return (self.v**2 + 1)[:, None] + self.u**2


@dataclass(frozen=True)
class Camera:
    """A camera in a world whose y points up; its own coordinates are x right, y up, z towards the camera.

    Attributes:
        position: where it stands, in metres.
        rotation: its axes (right, up, back) as rows.
        focal: focal length in pixels.
        size: height and width in pixels.

    """

    position: Float[np.ndarray, "3"]
    rotation: Float[np.ndarray, "3 3"]
    focal: float
    size: tuple[int, int]

    @classmethod
    def looking(
        cls, position: tuple[float, float, float], yaw: float, pitch: float, zoom: float, size: tuple[int, int]
    ) -> "Camera":
        """Return a camera turned by `yaw` to the left and by `pitch` upwards; `zoom` is focal length by longer side."""
        right = [cos(yaw), 0.0, -sin(yaw)]
        up = [sin(pitch) * sin(yaw), cos(pitch), sin(pitch) * cos(yaw)]
        back = [sin(yaw) * cos(pitch), -sin(pitch), cos(yaw) * cos(pitch)]
        return cls(np.array(position), np.array([right, up, back]), zoom * max(size), size)

    @cached_property
    def rays(self) -> Rays:
        """The rays through the centres of all pixels."""
        height, width = self.size
        u = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(self.focal)
        v = (np.float32(height / 2 - 0.5) - np.arange(height, dtype=np.float32)) / np.float32(self.focal)
        return Rays(u, v)

    def within(self, window: Window) -> Rays:
        """Return the rays of a window."""
        return Rays(self.rays.u[window[1]], self.rays.v[window[0]])

    def see(self, points: Float[np.ndarray, "*k 3"]) -> Float[np.ndarray, "*k 3"]:
        """Return world points in camera coordinates."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: Float[np.ndarray, "*k 3"]) -> Float[np.ndarray, "*k 2"]:
        """Return the pixel coordinates (column, row) of points in front of the camera."""
        height, width = self.size
        ratio = points[..., :2] / np.maximum(-points[..., 2:], NEAR)
        return ratio * (self.focal, -self.focal) + (width / 2, height / 2)

    def bounds(self, points: Float[np.ndarray, "k m 3"]) -> Int[np.ndarray, "4 k"]:
        """Return the top, left, bottom and right of the pixels that bodies inside hulls of points can cover.

        A body that reaches behind the camera can cover all, one that is wholly behind it none.
        """
        pixels, behind = self.project(points), points[..., 2] >= -NEAR
        low, high = np.floor(pixels.min(axis=1)), np.ceil(pixels.max(axis=1))
        low[behind.any(axis=1)], high[behind.any(axis=1)] = 0, np.inf
        high[behind.all(axis=1)] = 0
        (left, top), (right, bottom) = low.T, high.T
        height, width = self.size
        return np.array([top, left, bottom, right]).clip(0, [[height], [width], [height], [width]]).astype(int)
