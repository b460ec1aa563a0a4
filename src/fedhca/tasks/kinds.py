"""The kinds of tasks by the word that recipes and data sets have for them: the one table of them."""

from collections.abc import Mapping

from fedhca.errors import RecipeError
from fedhca.tasks.classification import Classification
from fedhca.tasks.depth import Depth
from fedhca.tasks.edges import Edges
from fedhca.tasks.human_parts import HumanParts
from fedhca.tasks.keypoints import Keypoints
from fedhca.tasks.saliency import Saliency
from fedhca.tasks.semantic_segmentation import SemanticSegmentation
from fedhca.tasks.surface_normals import SurfaceNormals
from fedhca.tasks.task import Task

KINDS: Mapping[str, type[Task]] = {
    "semseg": SemanticSegmentation,
    "human_parts": HumanParts,
    "sal": Saliency,
    "normals": SurfaceNormals,
    "edge": Edges,
    "depth": Depth,
    "classification": Classification,
    "keypoints": Keypoints,
}
"""A task's name says what it is called, its kind what it is: `cracks` may be a `semseg`, `left_depth` a `depth`."""


def kind_of(task: Task) -> str:
    """Return the word for a task's kind; RecipeError for one of somebody's own, which has none."""
    if (word := word_of(task)) is None:
        raise RecipeError(
            f"Task '{task.name}' should be one of {', '.join(KINDS)}. Found {type(task).__name__}, a class of your own."
        )
    return word


def word_of(task: Task) -> str | None:
    """Return the word for a task's kind; None for one of somebody's own."""
    return next((word for word, kind in KINDS.items() if type(task) is kind), None)
