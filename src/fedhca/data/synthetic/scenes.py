"""What scenes are: a data set whose pictures and labels are painted when they are read."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Int

from fedhca import seeds
from fedhca.data.source import Sample, Source
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.light import Light, brightness, shadows
from fedhca.data.synthetic.picture import expose, paint
from fedhca.data.synthetic.scene_canvas import Piece, SceneCanvas
from fedhca.data.synthetic.solid import Solid
from fedhca.errors import RecipeError, unknown
from fedhca.tasks.task import Task

SMALLEST = 16
"""Fewer pixels than this on a side show nothing."""


@dataclass(frozen=True)
class Scene:
    """A painted canvas, the light on it, the solids that throw shadows on the ground, and what stands in front."""

    canvas: SceneCanvas
    light: Light
    standing: list[Solid]
    front: Sequence[Piece] = ()

    @cached_property
    def edge(self) -> np.ndarray:
        """The borders of objects, one pixel wide."""
        return borders(self.canvas.objects)


class Scenes(Source):
    """Pictures that depend on (seed, split, index) only; splits are streams apart.

    Args:
        count: number of pictures.
        size: height and width in pixels.
        seed: any whole number ≥ 0.
        split: `train` or `val`, or any other name for one more stream.

    """

    classes: ClassVar[tuple[str, ...]]
    """Names of the classes of `semseg`."""
    stem: ClassVar[str]
    """First word of the pictures' names."""

    def __init__(self, count: int, *, size: tuple[int, int] = (128, 128), seed: int = 0, split: str = "train") -> None:
        whole = (int, np.integer)
        if not isinstance(count, whole) or count < 1:
            raise RecipeError(f"`count` should be a whole number ≥ 1. Found `count = {count!r}`.")
        if len(size) != 2 or not all(isinstance(side, whole) and side >= SMALLEST for side in size):
            found = f"Found `size = {size!r}`."
            raise RecipeError(f"`size` should be (height, width), both whole and ≥ {SMALLEST}. {found}")
        if not isinstance(seed, whole) or seed < 0:
            raise RecipeError(f"`seed` should be a whole number ≥ 0. Found `seed = {seed!r}`.")
        self._count, self._size = int(count), (int(size[0]), int(size[1]))
        self._seed, self._split = int(seed), split

    @abstractmethod
    def compose(self, chance: Chance) -> Scene:
        """Return a scene; all that is random in it comes from `chance`."""

    @property
    @abstractmethod
    def labels(self) -> Mapping[str, Callable[[Scene], np.ndarray]]:
        """What computes the label of each task."""

    @property
    @abstractmethod
    def tasks(self) -> Mapping[str, Task]:
        """The tasks the scenes have labels for, by name."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every picture."""
        return self._size

    def __len__(self) -> int:
        """Return the number of pictures."""
        return self._count

    def identifier(self, index: int) -> str:
        """Return the name of a picture, for example `room-train-000012`."""
        return f"{self.stem}-{self._split}-{index:06d}"

    def scene(self, index: int) -> Scene:
        """Return what a picture is of: more is known of it than the labels tell."""
        if not 0 <= index < self._count:
            raise IndexError(f"{type(self).__name__} has pictures 0 to {self._count - 1}. Found index {index}.")
        return self.compose(Chance(self._generator(index, "scene")))

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Paint a picture and the labels of `tasks`."""
        labels = self.labels
        for task in tasks:
            if task not in labels:
                raise RecipeError(unknown(f"task of {type(self).__name__}", task, labels))
        scene = self.scene(index)
        shadow = shadows(scene.light, scene.canvas.camera, scene.standing)
        radiance = paint(scene.canvas, brightness(scene.canvas, scene.light, shadow))
        image = expose(radiance, scene.edge, self._generator(index, "noise"))
        return {"image": image} | {task: labels[task](scene) for task in tasks}

    def _generator(self, index: int, purpose: str) -> np.random.Generator:
        return seeds.generator("synthetic", self.stem, self._seed, self._split, index, purpose)


def borders(objects: Int[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    """Return 1 where a pixel differs from its right or its lower neighbour: a line one pixel wide."""
    differs = np.zeros(objects.shape, bool)
    differs[:, :-1] = objects[:, :-1] != objects[:, 1:]
    differs[:-1] |= objects[:-1] != objects[1:]
    return differs.astype(np.float32)
