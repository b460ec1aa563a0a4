"""The pinhole camera: world to camera coordinates to pixels, and the rays of a window of pixels."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, cos, floor, sin

import numpy as np
from jaxtyping import Float

NEAR = 0.05
"""Nothing closer than this, in metres, is seen."""

Bounds = tuple[int, int, int, int]
"""Top, left, bottom and right of a rectangle of pixels."""


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

    def within(self, bounds: Bounds) -> Rays:
        """Return the rays of a rectangle of pixels."""
        top, left, bottom, right = bounds
        return Rays(self.rays.u[left:right], self.rays.v[top:bottom])

    def see(self, points: Float[np.ndarray, "*k 3"]) -> Float[np.ndarray, "*k 3"]:
        """Return world points in camera coordinates."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: Float[np.ndarray, "*k 3"]) -> Float[np.ndarray, "*k 2"]:
        """Return the pixel coordinates (column, row) of points in front of the camera."""
        height, width = self.size
        ratio = points[..., :2] / np.maximum(-points[..., 2:], NEAR)
        return ratio * (self.focal, -self.focal) + (width / 2, height / 2)

    def bounds(self, points: Float[np.ndarray, "m 3"]) -> Bounds:
        """Return the pixels that a body inside the hull of points can cover: all, if it reaches behind the camera."""
        height, width = self.size
        if points[:, 2].max() >= -NEAR:
            return (0, 0, height, width) if points[:, 2].min() < -NEAR else (0, 0, 0, 0)
        pixels = self.project(points)
        left, top = pixels.min(axis=0).tolist()
        right, bottom = pixels.max(axis=0).tolist()
        return (
            max(floor(top), 0),
            max(floor(left), 0),
            min(max(ceil(bottom), 0), height),
            min(max(ceil(right), 0), width),
        )
