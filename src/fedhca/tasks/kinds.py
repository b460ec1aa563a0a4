"""The kinds of tasks by the word that recipes and data sets have for them: the one table of them."""

from collections.abc import Mapping

from fedhca.errors import RecipeError
from fedhca.tasks import (
    Classification,
    Depth,
    Edges,
    HumanParts,
    Keypoints,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

KINDS: Mapping[str, type[Task]] = {
    kind.name: kind
    for kind in (
        *(SemanticSegmentation, HumanParts, Saliency, SurfaceNormals, Edges),
        *(Depth, Classification, Keypoints),
    )
}
"""A task's name says what it is called, its kind what it is: `cracks` may be a `semseg`, `left_depth` a `depth`."""


def kind_of(task: Task) -> str:
    """Return the word for a task's kind; RecipeError for one of somebody's own, which has none."""
    if (word := word_of(task)) is None:
        found = f"Found {type(task).__name__}, a class of your own."
        raise RecipeError(f"Task '{task.name}' should be one of {', '.join(KINDS)}. {found}")
    return word


def word_of(task: Task) -> str | None:
    """Return the word for a task's kind; None for one of somebody's own."""
    return next((word for word, kind in KINDS.items() if type(task) is kind), None)
