"""The canvas: what the nearest surface is, pixel by pixel, as solids are painted on it in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int, UInt8

from fedhca.data.synthetic import tiles
from fedhca.data.synthetic.camera import Bounds, Camera
from fedhca.data.synthetic.solid import Solid

FAR = np.float32(1000.0)
"""The depth of the sky."""

BODY = 5000
"""In rectangles of more pixels, bodies are drawn one by one: each in a smaller one, which saves more than it costs."""

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Skin:
    """How a surface looks: two colours mixed by a tile that repeats `scale` times a metre; `glow` lights itself."""

    colour: Colour
    second: Colour
    tile: str = "plain"
    scale: float = 1.0
    glow: float = 0.0


@dataclass(frozen=True)
class Piece:
    """Solids of one kind that belong to one object, with the skin, class and body part of each."""

    solid: Solid
    skins: Sequence[Skin]
    label: int | Sequence[int]
    part: int | Sequence[int] = 0


class SceneCanvas:
    """The depth of each pixel and the number of the solid that is seen there, with tables by that number.

    Solid 0 is the backdrop, too far away to have a surface.
    """

    def __init__(self, camera: Camera, backdrop: Skin, label: int) -> None:
        self.camera = camera
        self.depth: Float32[np.ndarray, "y x"] = np.full(camera.size, FAR, np.float32)
        self.skins = [backdrop]
        self._solid = np.zeros(camera.size, np.int16)
        self._seen: list[tuple[int, Solid]] = []
        self._labels, self._parts, self._objects = [label], [0], [0]

    def paint(self, *pieces: Piece) -> None:
        """Paint one object."""
        number = self._objects[-1] + 1
        for piece in pieces:
            count = len(piece.skins)
            self._draw(piece.solid.seen(self.camera))
            self.skins += piece.skins
            self._labels += [piece.label] * count if isinstance(piece.label, int) else piece.label
            self._parts += [piece.part] * count if isinstance(piece.part, int) else piece.part
            self._objects += [number] * count

    def _draw(self, solid: Solid) -> None:
        """Draw bodies all at once or, where that costs more, each in its own rectangle."""
        first, hull = len(self.skins), solid.hull()
        self._seen.append((first, solid))
        if not hull.shape[1]:
            self._fill(solid, first, (0, 0, *self.camera.size))
            return
        bounds = self.camera.bounds(hull.reshape(-1, 3))
        if (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) <= BODY or len(hull) == 1:
            self._fill(solid, first, bounds)
            return
        for index, points in enumerate(hull):
            self._fill(solid.only(index), first + index, self.camera.bounds(points))

    def _fill(self, solid: Solid, first: int, bounds: Bounds) -> None:
        window = slice(bounds[0], bounds[2]), slice(bounds[1], bounds[3])
        before, numbers = self.depth[window], self._solid[window]
        if not before.size:
            return
        depths = solid.depths(self.camera.within(bounds))
        nearest = depths.min(axis=0) if len(depths) > 1 else depths[0]
        closer = nearest < before
        np.copyto(before, nearest, where=closer)
        numbers[closer] = first if len(depths) == 1 else first + depths[:, closer].argmin(axis=0)

    @cached_property
    def solid(self) -> Int[np.ndarray, "y x"]:
        """The number of the solid seen at each pixel."""
        return self._solid.astype(np.intp)

    @cached_property
    def points(self) -> Float32[np.ndarray, "3 y x"]:
        """What is seen at each pixel, in camera coordinates."""
        rays = self.camera.rays
        return np.stack([rays.u * self.depth, rays.v[:, None] * self.depth, -self.depth])

    @cached_property
    def normals(self) -> Float32[np.ndarray, "3 y x"]:
        """Unit normals in camera coordinates; 0 on the backdrop."""
        order = np.argsort(self._solid, axis=None, kind="stable")
        numbers = np.take(self.solid, order)
        points = np.take(self.points.reshape(3, -1), order, axis=1, mode="clip").T
        normals = np.zeros((len(order), 3), np.float32)
        starts = [*np.searchsorted(numbers, [first for first, _ in self._seen]).tolist(), len(order)]
        for (first, solid), start, stop in zip(self._seen, starts, starts[1:], strict=False):
            if start < stop:
                normals[start:stop] = solid.normals(numbers[start:stop] - first, points[start:stop])
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return np.stack([np.take(part, rank, mode="clip") for part in normals.T]).reshape(3, *self.camera.size)

    @cached_property
    def facing(self) -> Float32[np.ndarray, "y x"]:
        """How much each pixel's surface faces up: the normal's part along the world's vertical."""
        up = self.camera.rotation[:, 1].astype(np.float32)
        return np.einsum("i,iyx->yx", up, self.normals)

    @cached_property
    def height(self) -> Float32[np.ndarray, "y x"]:
        """The height above the ground of what is seen."""
        up = self.camera.rays.along(self.camera.rotation.T[1:2])[0]
        return up * self.depth + np.float32(self.camera.position[1])

    def table(self) -> Float32[np.ndarray, "9 n"]:
        """Return the numbers of each solid's skin."""
        tile = {name: float(number) for number, name in enumerate(tiles.NAMES)}
        rows = [(*skin.colour, *skin.second, tile[skin.tile], skin.scale, skin.glow) for skin in self.skins]
        return np.ascontiguousarray(np.array(rows, np.float32).T)

    @cached_property
    def labels(self) -> UInt8[np.ndarray, "y x"]:
        """The class of each pixel."""
        return np.array(self._labels, np.uint8)[self.solid]

    @cached_property
    def parts(self) -> UInt8[np.ndarray, "y x"]:
        """The body part of each pixel."""
        return np.array(self._parts, np.uint8)[self.solid]

    @cached_property
    def objects(self) -> Int[np.ndarray, "y x"]:
        """A number for each pixel that differs wherever the object or the class does."""
        return (np.array(self._objects) * 256 + np.array(self._labels)).astype(np.int32)[self.solid]
