"""Figures: people and animals out of doors, with seven tasks' worth of exact labels."""

from collections.abc import Callable, Collection, Mapping
from math import hypot
from typing import ClassVar

import numpy as np

from fedhca.data.synthetic.camera import Camera
from fedhca.data.synthetic.capsules import Capsules
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.light import Light
from fedhca.data.synthetic.people import POINTS, SWAPS, animal, person, points
from fedhca.data.synthetic.scene_canvas import Piece, SceneCanvas, Skin
from fedhca.data.synthetic.scenery import ball, hills, hut, tree
from fedhca.data.synthetic.scenes import Scene, Scenes
from fedhca.data.synthetic.skins import times, tint
from fedhca.data.synthetic.solid import Planes
from fedhca.tasks import Classification, Edges, HumanParts, Keypoints, Saliency, SemanticSegmentation, SurfaceNormals
from fedhca.tasks.task import IGNORE, Task

CLASSES = ("sky", "grass", "hill", "tree", "hut", "person", "animal", "ball")
SKY, GRASS, HILL, TREE, HUT, PERSON, ANIMAL, BALL = range(len(CLASSES))
SALIENT = (PERSON, ANIMAL, BALL)
"""The classes that catch the eye: `sal` is 1 on them."""
CROWDS = ("no one", "one person", "two people", "three or more")

OF_PEOPLE: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "human_parts": lambda label: label != IGNORE,
    "keypoints": lambda label: label[:, 2] > 0,
}
"""The tasks of which a picture without people says nothing, and where a label says something."""


class Figures(Scenes):
    """People, animals and balls on grass, before trees, huts, hills and sky.

    Normals are those of every surface but the sky, which has none; a picture without people has no human parts. The
    class of a picture is how many people are in sight; keypoints are those of the nearest one, with points that
    something hides.
    """

    classes: ClassVar[tuple[str, ...]] = CLASSES
    stem: ClassVar[str] = "figure"

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Classes, human parts, saliency, normals, edges; the class of the picture, and points of a person."""
        semseg, parts = SemanticSegmentation(channels=len(CLASSES)), HumanParts()
        crowd = Classification(channels=len(CROWDS), names=CROWDS)
        keypoints = Keypoints(channels=len(POINTS), swaps=SWAPS)
        return {task.name: task for task in (semseg, parts, Saliency(), SurfaceNormals(), Edges(), crowd, keypoints)}

    @property
    def labels(self) -> Mapping[str, Callable[[Scene], np.ndarray]]:
        """What computes the label of each task."""
        return {
            "semseg": lambda scene: scene.canvas.labels,
            "human_parts": _human_parts,
            "sal": lambda scene: np.isin(scene.canvas.labels, SALIENT).astype(np.uint8),
            "normals": _normals,
            "edge": lambda scene: scene.edge,
            "classification": _crowd,
            "keypoints": _keypoints,
        }

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return whether any of the labels says anything: what is of people alone says nothing where there are none."""
        if not set(tasks) <= OF_PEOPLE.keys():
            return True
        scene = self.scene(index)
        return any(OF_PEOPLE[task](self.labels[task](scene)).any() for task in tasks)

    def compose(self, chance: Chance) -> Scene:
        """Return a meadow with figures."""
        height, pitch, zoom = chance.each((0.9, 1.8), (-0.18, -0.02), (0.8, 1.15))
        camera = Camera.looking((0.0, height, 0.0), 0.0, pitch, zoom, self.size)
        canvas = SceneCanvas(camera, _sky(chance), SKY)
        canvas.paint(_grass(chance))
        if chance.happens(0.8):
            canvas.paint(hills(chance, HILL))
        behind, before = _behind(chance), _before(chance)
        things = [*behind, *before]
        for thing in things:
            canvas.paint(*thing)
        return Scene(
            canvas,
            _sun(chance),
            [piece.solid for thing in things for piece in thing],
            [piece for thing in before for piece in thing],
        )


def _human_parts(scene: Scene) -> np.ndarray:
    parts = scene.canvas.parts
    return parts if parts.any() else np.full_like(parts, IGNORE)


def _crowd(scene: Scene) -> np.ndarray:
    """Return how many people are in sight, each on one pixel of 500 at least; `CROWDS` names the answers."""
    canvas = scene.canvas
    _, pixels = np.unique(canvas.objects[canvas.labels == PERSON], return_counts=True)
    people = np.count_nonzero(500 * pixels >= canvas.labels.size)
    return np.array(min(people, len(CROWDS) - 1), np.uint8)


def _keypoints(scene: Scene) -> np.ndarray:
    """Return the points of the nearest person who has one in the picture, those outside of it without a label."""
    camera = scene.canvas.camera
    people = [piece.solid.seen(camera) for piece in scene.front if piece.label == PERSON]
    for seen in sorted(
        (each for each in people if isinstance(each, Capsules)), key=lambda each: -each.start[:, 2].mean()
    ):
        places = camera.project(points(seen))
        inside = ((places >= 0) & (places < camera.size[::-1])).astype(np.float32).prod(axis=1, keepdims=True)
        if inside.any():
            return np.concatenate([places - 0.5, inside], axis=1).astype(np.float32)
    return np.zeros((len(POINTS), 3), np.float32)


def _normals(scene: Scene) -> np.ndarray:
    normals = np.where(scene.canvas.labels == SKY, np.float32(IGNORE), scene.canvas.normals)
    return np.ascontiguousarray(normals.transpose(1, 2, 0))


def _sky(chance: Chance) -> Skin:
    blue = tint(chance, (0.52, 0.64), (0.2, 0.65), (0.7, 1.0))
    if chance.happens(0.2):
        blue = tint(chance, (0.02, 0.12), (0.2, 0.5), (0.8, 1.0))
    return Skin(blue, (0.97, 0.97, 1.0), "cloud", 0.0025, 1.0)


def _grass(chance: Chance) -> Piece:
    shade, scale = chance.each((0.5, 0.75), (0.3, 0.6))
    colour = tint(chance, (0.14, 0.36), (0.35, 0.75), (0.4, 0.75))
    skin = Skin(colour, times(colour, shade), "grain", scale)
    return Piece(Planes(np.array([[0.0, 1.0, 0.0]]), np.zeros(1)), [skin], GRASS)


def _sun(chance: Chance) -> Light:
    across, up, towards = chance.each((-1.0, 1.0), (0.7, 1.4), (0.1, 1.0))
    length = hypot(across, up, towards)
    direct, ambient = chance.each((0.55, 0.95), (0.3, 0.55))
    return Light(
        (across / length, up / length, towards / length),
        True,
        (direct * 1.05, direct, direct * 0.9),
        (ambient * 0.92, ambient, ambient * 1.1),
    )


def _behind(chance: Chance) -> list[list[Piece]]:
    """Return trees and huts."""
    things = []
    for _ in range(chance.pick((1, 2, 3, 4))):
        distance, aside = chance.each((8.0, 20.0), (-0.7, 0.7))
        x, z = aside * distance, -distance
        things.append([hut(chance, HUT, x, z)] if chance.happens(0.25) else tree(chance, TREE, x, z))
    return things


def _before(chance: Chance) -> list[list[Piece]]:
    """Return one to four figures, side by side at various distances."""
    kinds = [(person, PERSON)] * 3 + [(animal, ANIMAL), (ball, BALL)]
    things = []
    for place in chance.shuffle(range(-2, 3))[: chance.pick((1, 2, 3, 4))]:
        distance, aside = chance.each((2.2, 5.2), (-0.08, 0.08))
        make, label = chance.pick(kinds)
        things.append([make(chance, label, (0.22 * place + aside) * distance, -distance)])
    return things
