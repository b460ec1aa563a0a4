"""Planes: floors, walls, the ground."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fedhca.data.synthetic.camera import Camera, Rays
from fedhca.data.synthetic.solid import Solid


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

    def hull(self) -> Float[np.ndarray, "k 0 3"]:
        """Return no points: a plane has no end."""
        return self.cloud()
