"""README.md of a model: what it is for, and where it is from, as the hub shows it."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from ruamel.yaml import YAML

from fedhca.errors import one_line
from fedhca.sharing.model_description import ModelDescription
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


UNKNOWN = "unknown"
"""The hub's word for a license that nobody has chosen yet."""


@dataclass(frozen=True)
class MixShare:
    """What the server made a client's parameters of in the last round, in weights.

    Attributes:
        own: of what the client itself sent.
        others: of all others together.
        most: of the one other that weighs most.

    """

    own: float
    others: float
    most: float


@dataclass(frozen=True)
class Provenance:
    """Where a model is from; nothing in it names another client, or a place of a machine.

    Attributes:
        dataset: name of the client's data set.
        kind: of the data set.
        clients: how many took part.
        method: by which the server mixed.
        rounds: done when the model was handed out.
        planned: rounds of the recipe.
        seed: of the recipe.
        recipe: SHA-256 of the recipe.
        versions: of packages, by name.
        measured: after how many rounds the metrics were measured; 0 if they are not known.
        metrics: by task.
        encoder: what the encoder was made of; nothing if that is not known.
        decoders: what each task's decoder was made of.
        blurred: in words, what differential privacy what was sent had; empty if none.

    """

    dataset: str
    kind: str
    clients: int
    method: str
    rounds: int
    planned: int
    seed: int
    recipe: str
    versions: Mapping[str, str] = field(default_factory=dict)
    measured: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    encoder: MixShare | None = None
    decoders: Mapping[str, MixShare] = field(default_factory=dict)
    blurred: str = ""


def card(described: ModelDescription, tasks: Sequence[Task], origin: Provenance, license: str = "") -> str:
    """Return the card: what the hub reads of it, and what people do.

    Args:
        described: the model.
        tasks: of it.
        origin: where it is from.
        license: the hub's word for its license, which its owner has to choose; `unknown` if not given.

    """
    tags = dict.fromkeys(tag for task in tasks if (tag := meaning(task).tag))
    head = {
        "license": license or UNKNOWN,
        "library_name": "fedhca",
        "tags": ["fedhca", "federated-learning", "multi-task-learning", *tags],
    }
    text = io.StringIO()
    YAML().dump(head, text)
    return _template().render(
        head=text.getvalue(),
        chosen=bool(license),
        model=described,
        encoder=described.encoder if isinstance(described.encoder, str) else described.encoder["model_type"],
        own=[part.fields["name"] for part in described.tasks if part.kind == "own"],
        tasks=tasks,
        meanings={task.name: meaning(task) for task in tasks},
        origin=origin,
    )


def _cell(text: Any) -> str:
    """Return what somebody named as it may stand in a table: one line, and no mark of its own."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>#|!" else letter for letter in one_line(str(text), 200))


@cache
def _template() -> Any:
    # Not HTML: what could be a mark of Markdown is escaped where somebody's own words are put in.
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["cell"] = _cell
    return environment.from_string(Path(__file__).with_name("card.md.jinja").read_text(encoding="utf-8"))
