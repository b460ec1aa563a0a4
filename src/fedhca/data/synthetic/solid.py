"""What a solid is, something that rays meet, k of a kind at a time; and planes: floors, walls, the ground."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, sin

import numpy as np
from jaxtyping import Float, Int

from fedhca.data.synthetic.camera import Camera, Rays

MISSED = np.float32(np.inf)
"""The depth where a ray meets nothing."""


class Solid(ABC):
    """Bodies of one kind, k of them, in world coordinates or, once `seen`, in those of a camera."""

    def only(self, index: int) -> "Solid":
        """Return one of the bodies."""
        return type(self)(*(rows[index : index + 1] for rows in self.rows()))

    @abstractmethod
    def rows(self) -> tuple[np.ndarray, ...]:
        """Return the arrays that make up the bodies, each with k rows."""

    @abstractmethod
    def seen(self, camera: Camera) -> "Solid":
        """Return the same bodies in the coordinates of a camera."""

    @abstractmethod
    def depths(self, rays: Rays) -> Float[np.ndarray, "k y x"]:
        """Return the depth at which each ray first meets each body, `MISSED` where it does not."""

    @abstractmethod
    def normals(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the outward unit normals at points on the surface of the bodies `which`."""

    @abstractmethod
    def cloud(self) -> Float[np.ndarray, "k m 3"]:
        """Return points whose hull is about the body; none if it has no end."""

    def hull(self) -> Float[np.ndarray, "k m 3"]:
        """Return points whose hull the body lies inside; none if it has no end."""
        return self.cloud()


def turned(angle: float) -> Float[np.ndarray, "3 3"]:
    """Return the axes, as rows, of a thing turned about the vertical."""
    return np.array([[cos(angle), 0.0, -sin(angle)], [0.0, 1.0, 0.0], [sin(angle), 0.0, cos(angle)]])


CORNERS = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
"""The corners of a box, as a cloud."""

DIRECTIONS = np.concatenate([CORNERS / np.sqrt(3.0), np.eye(3), -np.eye(3)])
"""Unit vectors spread evenly: a ball, as a cloud."""

AROUND = 1.2 * DIRECTIONS
"""Points whose hull a ball lies inside."""


@dataclass(frozen=True)
class Planes(Solid):
    """The points p with normal · p = offset, seen from the side that the normal points to and only from there."""

    normal: Float[np.ndarray, "k 3"]
    offset: Float[np.ndarray, " k"]

    def rows(self) -> tuple[np.ndarray, ...]:
        """Return the arrays that make up the bodies."""
        return self.normal, self.offset

    def seen(self, camera: Camera) -> "Planes":
        """Return the same planes in the coordinates of a camera."""
        return Planes(self.normal @ camera.rotation.T, self.offset - self.normal @ camera.position)

    def depths(self, rays: Rays) -> Float[np.ndarray, "k y x"]:
        """Return offset / (normal · direction), beyond all bounds where the ray runs away from the plane."""
        return 1 / np.maximum(rays.along(self.normal / self.offset[:, None]), 1e-9)

    def normals(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the normals of the planes."""
        return np.take(self.normal.astype(np.float32), which, axis=0)

    def cloud(self) -> Float[np.ndarray, "k 0 3"]:
        """Return no points: a plane has no end."""
        return np.empty((len(self.offset), 0, 3))
