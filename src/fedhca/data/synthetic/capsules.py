"""Capsules: the limbs of people and animals, trunks, poles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fedhca.data.synthetic.camera import NEAR, Camera, Rays
from fedhca.data.synthetic.solid import AROUND, DIRECTIONS, MISSED, Solid


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
        length = (axis**2).sum(axis=1).astype(np.float32)[:, None, None]
        radius = (self.radius**2).astype(np.float32)[:, None, None]
        shift = -self.start[:, 2].astype(np.float32)[:, None, None]
        along = rays.along(axis)
        toward, distance = _from(rays, self.start, shift)
        passed = shift * along - (axis * self.start).sum(axis=1).astype(np.float32)[:, None, None]
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
        steps = np.take((axis / (axis**2).sum(axis=1, keepdims=True)).astype(np.float32), which, axis=0)
        outward = points - np.take(self.start.astype(np.float32), which, axis=0)
        fraction = np.einsum("ni,ni->n", outward, steps).clip(0, 1)
        outward -= fraction[:, None] * np.take(axis.astype(np.float32), which, axis=0)
        return outward / np.linalg.norm(outward, axis=1, keepdims=True)

    def cloud(self) -> Float[np.ndarray, "k 28 3"]:
        """Return points spread over the balls at both ends."""
        return self._ends(DIRECTIONS)

    def hull(self) -> Float[np.ndarray, "k 28 3"]:
        """Return points around the balls at both ends."""
        return self._ends(AROUND)

    def _ends(self, ball: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "k n 3"]:
        sized = self.radius[:, None, None] * ball
        return np.concatenate([self.start[:, None] + sized, self.end[:, None] + sized], axis=1)


def _from(
    rays: Rays, point: Float[np.ndarray, "k 3"], shift: Float[np.ndarray, "k 1 1"]
) -> tuple[Float[np.ndarray, "k y x"], Float[np.ndarray, "k y x"]]:
    """Return d · (shift d - point) and |shift d - point|², each a sum of a row and a column."""
    across = shift[:, 0] * rays.u - point[:, :1].astype(np.float32)
    up = shift[:, 0] * rays.v - point[:, 1:2].astype(np.float32)
    back = -shift[:, 0] - point[:, 2:].astype(np.float32)
    toward = (rays.u * across)[:, None, :] + (rays.v * up - back)[:, :, None]
    distance = (across**2)[:, None, :] + (up**2 + back**2)[:, :, None]
    return toward, distance
