"""Capsules: the limbs of people and animals, trunks, poles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fedhca.data.synthetic.camera import NEAR, Camera, Rays
from fedhca.data.synthetic.solid import DIRECTIONS, MISSED, Solid


@dataclass(frozen=True)
class Capsules(Solid):
    """All points within `radius` of the line from `start` to `end`."""

    start: Float[np.ndarray, "k 3"]
    end: Float[np.ndarray, "k 3"]
    radius: Float[np.ndarray, " k"]

    def rows(self) -> tuple[np.ndarray, ...]:
        """Return the arrays that make up the bodies."""
        return self.start, self.end, self.radius

    def seen(self, camera: Camera) -> "Capsules":
        """Return the same capsules in the coordinates of a camera."""
        return Capsules(camera.see(self.start), camera.see(self.end), self.radius)

    def depths(self, rays: Rays) -> Float[np.ndarray, "k y x"]:
        """Return the first root on the cylinder or, past its ends, on the ball there.

        With a = start, b = end and the ray's origin moved to the depth of a (so that float32 is exact enough),
        |(o + t d) x (b - a)|² = r² |b - a|².
        """
        axis = self.end - self.start
        length = np.float32((axis**2).sum(axis=1))[:, None, None]
        radius = np.float32(self.radius**2)[:, None, None]
        shift = np.float32(-self.start[:, 2])[:, None, None]
        along = rays.along(axis)
        toward, distance = _from(rays, self.start, shift)
        passed = shift * along - np.float32((axis * self.start).sum(axis=1))[:, None, None]
        a = np.maximum(length * rays.squared - along**2, 1e-9)
        b = length * toward - passed * along
        root = b**2 - a * (length * (distance - radius) - passed**2)
        depth = (-b - np.sqrt(np.maximum(root, 0))) / a
        reached = passed + depth * along
        toward_end, distance_end = _from(rays, self.end, shift)
        before = reached <= 0
        toward, distance = np.where(before, toward, toward_end), np.where(before, distance, distance_end)
        root_ball = toward**2 - rays.squared * (distance - radius)
        ball = (-toward - np.sqrt(np.maximum(root_ball, 0))) / rays.squared
        body = ~before & (reached < length)
        depth = np.where(body, depth, ball) + shift
        hit = (root > 0) & (body | (root_ball > 0)) & (depth > NEAR)
        return np.where(hit, depth, MISSED)

    def normals(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the direction from the nearest point of the axis."""
        axis = self.end - self.start
        steps = np.float32(axis / (axis**2).sum(axis=1, keepdims=True))[which]
        outward = points - np.float32(self.start)[which]
        fraction = np.einsum("ni,ni->n", outward, steps).clip(0, 1)
        outward -= fraction[:, None] * np.float32(axis)[which]
        return outward / np.linalg.norm(outward, axis=1, keepdims=True)

    def cloud(self) -> Float[np.ndarray, "k 52 3"]:
        """Return points spread over the balls at both ends."""
        ball = self.radius[:, None, None] * DIRECTIONS
        return np.concatenate([self.start[:, None] + ball, self.end[:, None] + ball], axis=1)


def _from(
    rays: Rays, point: Float[np.ndarray, "k 3"], shift: Float[np.ndarray, "k 1 1"]
) -> tuple[Float[np.ndarray, "k y x"], Float[np.ndarray, "k y x"]]:
    """Return d · (shift d - point) and |shift d - point|², each a sum of a row and a column."""
    across = shift[:, 0] * rays.u - np.float32(point[:, :1])
    up = shift[:, 0] * rays.v - np.float32(point[:, 1:2])
    back = -shift[:, 0] - np.float32(point[:, 2:])
    toward = (rays.u * across)[:, None, :] + (rays.v * up - back)[:, :, None]
    distance = (across**2)[:, None, :] + (up**2 + back**2)[:, :, None]
    return toward, distance
