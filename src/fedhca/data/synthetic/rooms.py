"""Rooms: indoor scenes in perspective, with four tasks' worth of exact labels."""

from collections.abc import Callable, Mapping
from math import pi
from typing import ClassVar

import numpy as np

from fedhca.data.synthetic import furniture
from fedhca.data.synthetic.camera import Camera
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.furniture import Spot, boxes
from fedhca.data.synthetic.light import Light
from fedhca.data.synthetic.scene_canvas import Piece, SceneCanvas, Skin
from fedhca.data.synthetic.scenes import Scene, Scenes
from fedhca.data.synthetic.skins import grey, patterned, plain_colour, times, tint, wooden
from fedhca.data.synthetic.solid import Planes
from fedhca.tasks import Depth, Edges, SemanticSegmentation, SurfaceNormals, Task


def window(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a window: a frame and one to three panes through which the sky shines."""
    width, height, middle = chance.each((0.4, 0.8), (0.4, 0.65), (1.35, 1.55))
    panes = chance.pick((1, 2, 3))
    sky = tint(chance, (0.5, 0.65), (0.1, 0.5), (0.75, 1.0))
    glass = Skin(sky, (0.97, 0.98, 1.0), "cloud", 0.4, 0.85)
    rows = [[0.0, middle, 0.0, width, height, 0.03]]
    for pane in range(panes):
        x = width * ((2 * pane + 1) / panes - 1)
        rows.append([x, middle, 0.01, width / panes - 0.05, height - 0.06, 0.03])
    return Piece(boxes(rows, spot, turn), [plain_colour(grey(chance, 0.75, 1.0)), *[glass] * panes], label)


def door(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a door: frame, leaf, two panels, knob."""
    width, height = chance.each((0.38, 0.48), (0.95, 1.05))
    colour = tint(chance, (0.0, 0.12), (0.1, 0.75), (0.35, 0.9))
    panel, leaf = patterned(chance, times(colour, 0.85), ("plain", "wood"), 1.0), plain_colour(colour)
    rows = [[0, height, 0, width + 0.06, height + 0.06, 0.02], [0, height, 0, width, height, 0.035]]
    rows += [[0, y * height, 0.01, width - 0.1, 0.4 * height, 0.035] for y in (0.52, 1.48)]
    rows += [[0.82 * width, 0.95 * height, 0.06, 0.04, 0.02, 0.03]]
    knob = plain_colour((0.75, 0.65, 0.3))
    return Piece(boxes(rows, spot, turn), [plain_colour(grey(chance, 0.5, 0.95)), leaf, panel, panel, knob], label)


def picture(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a picture in a frame."""
    width, height, middle = chance.each((0.22, 0.55), (0.22, 0.5), (1.4, 1.6))
    frame = plain_colour(tint(chance, (0.02, 0.14), (0.1, 0.7), (0.15, 0.7)))
    tile = chance.pick(("abstract", "cloud", "hoops", "checks"))
    rows = [[0, middle, 0, width, height, 0.025], [0, middle, 0.01, width - 0.05, height - 0.05, 0.025]]
    return Piece(boxes(rows, spot, turn), [frame, Skin(tint(chance), tint(chance), tile, 0.9)], label)


CLASSES = ("wall", "floor", "ceiling", "window", "door", "picture", "cabinet", "table", "bed", "lamp", "plant")
WALL, FLOOR, CEILING, WINDOW, DOOR, PICTURE, CABINET, TABLE, BED, LAMP, PLANT = range(len(CLASSES))

Shell = tuple[float, float, float]
"""The inside of a room, in metres: x from -w to w, y from 0 to h, z from -d to 0."""


class Rooms(Scenes):
    """Rooms with furniture along the walls, seen by someone who stands at one end.

    Depth is 0.5 to 8 metres or so. Edges are the borders of objects and of classes; a corner between two walls is none.
    """

    classes: ClassVar[tuple[str, ...]] = CLASSES
    stem: ClassVar[str] = "room"

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Classes, depth, normals, edges."""
        tasks = (SemanticSegmentation(channels=len(CLASSES)), Depth(), SurfaceNormals(), Edges(max_dist=0.011))
        return {task.name: task for task in tasks}

    @property
    def labels(self) -> Mapping[str, Callable[[Scene], np.ndarray]]:
        """What computes the label of each task."""
        return {
            "semseg": lambda scene: scene.canvas.labels,
            "depth": lambda scene: scene.canvas.depth,
            "normals": lambda scene: np.ascontiguousarray(scene.canvas.normals.transpose(1, 2, 0)),
            "edge": lambda scene: scene.edge,
        }

    def compose(self, chance: Chance) -> Scene:
        """Return a room."""
        width, height, depth = chance.each((1.6, 2.4), (2.3, 3.0), (3.4, 5.8))
        shell = (width, height, depth)
        canvas = SceneCanvas(_camera(chance, shell, self.size), plain_colour((0.0, 0.0, 0.0)), WALL)
        canvas.paint(_walls(chance, shell))
        things = _furnished(chance, shell)
        for thing in [*_hung(chance, shell), *things]:
            canvas.paint(*thing)
        return Scene(canvas, _lamp(chance, shell), [piece.solid for thing in things for piece in thing])


def _camera(chance: Chance, shell: Shell, size: tuple[int, int]) -> Camera:
    aside, height, yaw, pitch, zoom = chance.each((-0.5, 0.5), (1.1, 1.8), (-0.25, 0.25), (-0.36, -0.1), (0.6, 0.85))
    return Camera.looking((aside * shell[0], height, -0.15), yaw + 0.3 * aside, pitch, zoom, size)


def _lamp(chance: Chance, shell: Shell) -> Light:
    x, y, z, warm = chance.each((-0.5, 0.5), (0.65, 0.85), (-0.6, -0.2), (-0.08, 0.12))
    direct, ambient = chance.each((0.5, 0.8), (0.45, 0.75))
    return Light(
        (x * shell[0], y * shell[1], z * shell[2]),
        False,
        (direct * (1 + warm), direct, direct * (1 - warm)),
        (ambient * (1 - warm / 2), ambient, ambient * (1 + warm / 2)),
    )


def _walls(chance: Chance, shell: Shell) -> Piece:
    """Return floor, ceiling and the three walls that the camera can see."""
    width, height, depth = shell
    normal = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1]], float)
    if chance.happens(0.6):
        ground = patterned(chance, wooden(chance), ("planks", "wood"), 0.7)
    else:
        ground = patterned(chance, tint(chance, saturation=(0.0, 0.4)), ("squares", "checks", "cloud"), 0.8)
    colour = tint(chance, saturation=(0.05, 0.35), value=(0.6, 0.95))
    tile = chance.pick(("plain", "plain", "stripes", "dots", "bricks"))
    paper = Skin(colour, times(colour, 0.65 if tile == "plain" else 0.88), tile, 0.5 if tile == "plain" else 1.0)
    roof = plain_colour(grey(chance, 0.8, 1.0), 0.93)
    planes = Planes(normal, np.array([0, -height, -width, -width, -depth]))
    return Piece(planes, [ground, roof, *[paper] * 3], [FLOOR, CEILING, *[WALL] * 3])


def _hung(chance: Chance, shell: Shell) -> list[list[Piece]]:
    """Return what hangs on the three walls in view: at most one thing on each half."""
    width, _, depth = shell
    places = [(share * width, -depth, 0.0) for share in (-0.5, 0.5)]
    places += [(side * width, share * depth, -side * pi / 2) for side in (-1, 1) for share in (-0.75, -0.35)]
    kinds = [(window, WINDOW), (door, DOOR), (picture, PICTURE)]
    things = []
    for x, z, turn in places:
        if chance.happens(0.65):
            slide = chance.between(-0.15, 0.15)
            make, label = chance.pick(kinds)
            spot = (x + slide, 0.0, z) if turn == 0 else (x, 0.0, z + slide)
            things.append([make(chance, label, spot, turn)])
    return things


def _furnished(chance: Chance, shell: Shell) -> list[list[Piece]]:
    """Return furniture on some of six spots, and small things on top of some."""
    width, _, depth = shell
    spots = [(side * (width - 0.55), share * depth, -side * pi / 2) for side in (-1, 1) for share in (-0.78, -0.42)]
    spots += [(0.0, 0.5 - depth, 0.0), (0.0, -0.6 * depth, 0.0)]
    things = []
    for x, z, turn in spots:
        if chance.happens(0.75):
            aside, back, skew = chance.each((-0.12, 0.12), (-0.2, 0.2), (-0.2, 0.2))
            things += _thing(chance, (x + aside, 0.0, z + back), turn + skew)
    return things


def _thing(chance: Chance, spot: furniture.Spot, turn: float) -> list[list[Piece]]:
    kind = chance.pick((TABLE, TABLE, CABINET, CABINET, BED, BED, LAMP, PLANT))
    if kind == BED:
        return [[furniture.bed(chance, BED, spot, turn)]]
    if kind in (LAMP, PLANT):
        return [_small(chance, kind, spot, 1.0)]
    piece, height = (furniture.dining_table if kind == TABLE else furniture.cabinet)(chance, kind, spot, turn)
    if chance.happens(0.4):
        return [[piece]]
    return [[piece], _small(chance, chance.pick((LAMP, PLANT)), (spot[0], height, spot[2]), 0.35)]


def _small(chance: Chance, kind: int, spot: furniture.Spot, size: float) -> list[Piece]:
    if kind == LAMP:
        return furniture.lamp(chance, LAMP, spot, size * chance.between(1.1, 1.6))
    return furniture.plant(chance, PLANT, spot, size * chance.between(0.8, 1.4))
