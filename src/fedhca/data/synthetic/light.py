"""Light: how bright surfaces are under a lamp or the sun, and the shadows thrown on the ground."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from fedhca.data.synthetic.camera import NEAR, Camera
from fedhca.data.synthetic.scene_canvas import Colour, SceneCanvas
from fedhca.data.synthetic.solid import Solid

FINE = 4
"""Bits of a fraction of a pixel in which OpenCV is told polygons."""


@dataclass(frozen=True)
class Light:
    """A lamp at a place in the world or, if distant, the sun in a direction; and light from everywhere.

    Attributes:
        place: metres, or a direction of length 1 towards the sun.
        distant: whether `place` is a direction.
        direct: strength and colour of the lamp.
        ambient: strength and colour of the light from everywhere.

    """

    place: tuple[float, float, float]
    distant: bool
    direct: Colour
    ambient: Colour

    def shadow(self, points: Float[np.ndarray, "*k 3"]) -> Float[np.ndarray, "*k 3"]:
        """Return where the shadows of points fall on the plane y = 0."""
        place = np.array(self.place)
        height = np.maximum(points[..., 1:2], 0)
        if self.distant:
            return points - place * (height / place[1])
        return place + (points - place) * (place[1] / np.maximum(place[1] - height, 0.2))

    def falls(self, camera: Camera, points: Float32[np.ndarray, "3 y x"]) -> Float32[np.ndarray, "3 #y #x"]:
        """Return directions from points to the light, both in camera coordinates."""
        if self.distant:
            return (camera.rotation @ self.place).astype(np.float32)[:, None, None]
        ray = camera.see(np.array(self.place)).astype(np.float32)[:, None, None] - points
        return ray / np.sqrt(np.einsum("iyx,iyx->yx", ray, ray))


def shadows(light: Light, camera: Camera, solids: Iterable[Solid]) -> Float32[np.ndarray, "y x"]:
    """Return how much of each pixel, if it shows the ground, lies in the shadow of the solids' hulls."""
    mask = np.zeros(camera.size, np.uint8)
    for solid in solids:
        points = camera.see(light.shadow(solid.cloud()))
        before = (points[..., 2] < -NEAR).all(axis=1)
        pixels = camera.project(points[before]).clip(-2000, 2000).astype(np.float32)
        for outline in pixels:
            polygon = cv2.convexHull(outline) * 2**FINE
            cv2.fillConvexPoly(mask, polygon.astype(np.int32), 255, shift=FINE)
    return cv2.blur(mask, (3, 3)).astype(np.float32) / np.float32(255)


def brightness(canvas: SceneCanvas, light: Light, shadow: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "3 y x"]:
    """Return the light on each pixel: the lamp's by Lambert's law, and the ambient, of which more comes from above.

    Shadows lie on what faces straight up at y = 0.
    """
    camera, normals = canvas.camera, canvas.normals
    direct = np.maximum((normals * light.falls(camera, canvas.points)).sum(axis=0), 0)
    direct *= 1 - np.float32(0.8) * shadow * (canvas.height < 0.01)
    ambient = np.float32(0.8) + np.float32(0.2) * canvas.facing
    colour = np.array([light.direct, light.ambient], np.float32)[:, :, None, None]
    return direct * colour[0] + ambient * colour[1]
