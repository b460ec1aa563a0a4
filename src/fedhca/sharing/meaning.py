"""What each kind of task says of a picture, for people who have never seen one of its labels."""

from collections.abc import Mapping
from dataclasses import dataclass

from fedhca.errors import one_line
from fedhca.tasks.kinds import word_of
from fedhca.tasks.task import Task


@dataclass(frozen=True)
class Meaning:
    """What a prediction is.

    Attributes:
        says: what of the picture.
        form: what `predict` returns.
        made: how it is made of the model's output, which an ONNX graph ends with.
        tag: the hub's word for it; none if it has none.

    """

    says: str
    form: str
    made: str
    tag: str = ""


MEANINGS: Mapping[str, Meaning] = {
    "semseg": Meaning("the class of every pixel", "int64 [y, x]", "argmax over channels", "image-segmentation"),
    "human_parts": Meaning(
        "the part of the body at every pixel, 0 where there is none",
        "int64 [y, x]",
        "argmax over channels",
        "image-segmentation",
    ),
    "sal": Meaning(
        "how probable it is that a pixel catches the eye, 0 to 1",
        "float32 [y, x]",
        "softmax over channels, then the second channel",
        "image-segmentation",
    ),
    "normals": Meaning(
        "which way the surface at every pixel faces, a unit vector",
        "float32 [3, y, x]",
        "divided by its length over channels",
    ),
    "edge": Meaning("how probable a boundary is at every pixel, 0 to 1", "float32 [y, x]", "sigmoid"),
    "depth": Meaning(
        "the distance of every pixel in metres, for a camera with the field of view of those it learnt from",
        "float32 [y, x]",
        "nothing below 0",
        "depth-estimation",
    ),
    "classification": Meaning(
        "the class of the picture as a whole", "int64 []", "argmax over channels", "image-classification"
    ),
    "keypoints": Meaning(
        "where each of a few points lies: x and y in pixels, whole at a pixel's centre, and how sure that is, 0 to 1",
        "float32 [k, 3]",
        "place and value of the greatest number of each channel",
        "keypoint-detection",
    ),
}
"""By kind; see `fedhca.tasks.kinds`."""


def meaning(task: Task) -> Meaning:
    """Return what a task says; of one that is not in the table, what its class says of itself."""
    if (word := word_of(task)) and word in MEANINGS:
        return MEANINGS[word]
    said = one_line((type(task).__doc__ or type(task).__name__).strip().split("\n\n", maxsplit=1)[0], 300)
    return Meaning(said.rstrip("."), "as its class says", "as its class says")
