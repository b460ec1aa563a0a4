"""Boxes and ellipsoids: what a linear map makes of the unit cube and of the unit ball."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from fedhca.data.synthetic.camera import NEAR, Camera, Rays
from fedhca.data.synthetic.solid import AROUND, CORNERS, DIRECTIONS, MISSED, Solid, turned

Kind = TypeVar("Kind", bound="Framed")


@dataclass(frozen=True)
class Framed(Solid):
    """Bodies with a centre and three orthogonal half axes (rows).

    The map p → frame · p + origin takes them to the unit body.
    """

    centre: Float[np.ndarray, "k 3"]
    half: Float[np.ndarray, "k 3 3"]

    @classmethod
    def upright(
        cls: type[Kind], centre: Float[np.ndarray, "k 3"], extent: Float[np.ndarray, "k 3"], turn: float = 0.0
    ) -> Kind:
        """Return bodies of half-lengths `extent`, all turned by one angle about their own vertical axis."""
        return cls(centre, extent[:, :, None] * turned(turn))

    @cached_property
    def frame(self) -> Float[np.ndarray, "k 3 3"]:
        """The linear part of the map to the unit body."""
        return self.half / (self.half**2).sum(axis=-1, keepdims=True)

    @cached_property
    def origin(self) -> Float[np.ndarray, "k 3"]:
        """The constant part of the map to the unit body."""
        return -(self.frame @ self.centre[:, :, None])[:, :, 0]

    def rows(self) -> tuple[np.ndarray, ...]:
        """Return the arrays that make up the bodies."""
        return self.centre, self.half

    def seen(self, camera: Camera) -> "Framed":
        """Return the same bodies in the coordinates of a camera."""
        return type(self)(camera.see(self.centre), self.half @ camera.rotation.T)

    def _inside(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return points in the coordinates of the unit body."""
        linear = np.einsum("nij,nj->ni", np.take(self.frame.astype(np.float32), which, axis=0), points)
        return linear + np.take(self.origin.astype(np.float32), which, axis=0)


@dataclass(frozen=True)
class Boxes(Framed):
    """Boxes: |q| ≤ 1 in every coordinate of the frame."""

    def depths(self, rays: Rays) -> Float[np.ndarray, "k y x"]:
        """Return where the ray has entered all three slabs, unless it has left one before."""
        origin = self.origin.astype(np.float32)[:, :, None, None]
        enters, leaves = [], []
        for axis in range(3):
            slope = rays.along(self.frame[:, axis])
            slope[slope == 0] = 1e-9
            inverse = 1 / slope
            half, middle = np.abs(inverse), origin[:, axis] * inverse
            enters.append(-half - middle)
            leaves.append(half - middle)
        enter = np.maximum(np.maximum(enters[0], enters[1]), enters[2])
        leave = np.minimum(np.minimum(leaves[0], leaves[1]), leaves[2])
        return np.where((enter < leave) & (enter > NEAR), enter, MISSED)

    def normals(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the normal of the face that the point lies on, of those that the camera can see.

        On an edge two faces are as near, and one of them may be turned away.
        """
        camera = self.origin.astype(np.float32)
        height = self._inside(which, points) * np.take(np.sign(camera), which, axis=0)
        face = np.where(np.take(np.abs(camera) > 1, which, axis=0), height, -np.inf).argmax(axis=1)
        unit = self.half / np.sqrt((self.half**2).sum(axis=-1, keepdims=True))
        outward = (np.sign(camera)[:, :, None] * unit).astype(np.float32).reshape(-1, 3)
        return np.take(outward, 3 * which + face, axis=0)

    def cloud(self) -> Float[np.ndarray, "k 8 3"]:
        """Return the corners."""
        return self.centre[:, None] + CORNERS @ self.half


@dataclass(frozen=True)
class Ellipsoids(Framed):
    """Ellipsoids: |q| ≤ 1 in the frame."""

    def depths(self, rays: Rays) -> Float[np.ndarray, "k y x"]:
        """Return the first root, reckoned from the ray's nearest point to the centre, where float32 is exact enough."""
        x, y, z = (rays.along(self.frame[:, axis]) for axis in range(3))
        origin_x, origin_y, origin_z = self.origin.T.astype(np.float32)[:, :, None, None]
        squared = x * x + y * y + z * z
        nearest = -(x * origin_x + y * origin_y + z * origin_z) / squared
        distance = (origin_x + nearest * x) ** 2 + (origin_y + nearest * y) ** 2 + (origin_z + nearest * z) ** 2
        depth = nearest - np.sqrt(np.maximum(1 - distance, 0) / squared)
        return np.where((distance < 1) & (depth > NEAR), depth, MISSED)

    def normals(self, which: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the gradient of |q|², of length 1."""
        gradient = np.einsum(
            "ni,nij->nj", self._inside(which, points), np.take(self.frame.astype(np.float32), which, axis=0)
        )
        return gradient / np.sqrt(np.einsum("ni,ni->n", gradient, gradient))[:, None]

    def cloud(self) -> Float[np.ndarray, "k 14 3"]:
        """Return points spread over the surface."""
        return self.centre[:, None] + DIRECTIONS @ self.half

    def hull(self) -> Float[np.ndarray, "k 14 3"]:
        """Return points around the surface."""
        return self.centre[:, None] + AROUND @ self.half
