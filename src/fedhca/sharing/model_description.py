"""config.json: what a model is, so that it can be built again without running anything that the file names."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from fedhca.config.bounds import Settings, Side, Width
from fedhca.config.section import Name, Section, validated
from fedhca.config.validation import describe
from fedhca.config.yaml import require_plain
from fedhca.data.colours import DEVIATION, MEAN
from fedhca.errors import FedhcaError, ModelFolderError, RecipeError, one_line, unknown
from fedhca.tasks.kinds import KINDS, word_of
from fedhca.tasks.task import Task

FORMAT = 1
"""Of the folder: a reader refuses others."""

FILE = "config.json"
LARGEST_FILE = 1_000_000
"""Bytes of a description."""

Colour = Annotated[list[float], Field(min_length=3, max_length=3)]
Classes = dict[str, list[Annotated[str, Field(max_length=200)]]]
TASK = r"\w[\w -]{0,99}"
"""What names of tasks look like: they become parts of files' names."""

OWN = "own"
"""Stands for what somebody wrote himself, and has to hand over to load the model."""


class _Part(Section):
    """A part of config.json: nothing is taken for what it is not."""

    model_config = ConfigDict(strict=True)


class Pictures(_Part):
    """What the model is shown: RGB from 0 to 1, minus `mean`, divided by `deviation`; padded with 0 at both ends."""

    size: Annotated[list[Side], Field(min_length=2, max_length=2)]
    mean: Colour = Field(default_factory=lambda: [round(float(each), 6) for each in MEAN])
    deviation: Colour = Field(default_factory=lambda: [round(float(each), 6) for each in DEVIATION])


class TaskPart(_Part):
    """A task: its kind, and the fields of it; `own` has its name and channels alone."""

    kind: Annotated[str, Field(max_length=100)]
    fields: dict[str, Any]


class OnnxGraph(_Part):
    """What model.onnx is: its inputs and outputs, and how near it is to PyTorch."""

    opset: int
    batch: Literal["any"] = "any"
    inputs: dict[str, str]
    outputs: dict[str, str]
    differences: dict[str, float]


class ModelDescription(_Part):
    """What is in config.json.

    Attributes:
        format: of the folder.
        fedhca: the version that wrote it.
        client: whose model it is.
        tasks: in their order.
        encoder: configuration of the backbone as the transformers library writes it, or `own`.
        decoder: `fedhca`, or `own`.
        width: channels of the decoders' maps.
        classes: names of a task's classes, where they are known.
        pictures: what the model is shown.
        onnx: what model.onnx is, if it is there.

    """

    format: Literal[1] = 1
    fedhca: Annotated[str, Field(max_length=100)]
    client: Name
    tasks: Annotated[list[TaskPart], Field(min_length=1, max_length=100)]
    encoder: Settings | Literal["own"]
    decoder: Literal["fedhca", "own"]
    width: Width
    classes: Classes = Field(default_factory=dict)
    pictures: Pictures
    onnx: OnnxGraph | None = None

    def to_json(self) -> bytes:
        """Return it as the file holds it."""
        return (json.dumps(self.model_dump(exclude_none=True), indent=2, ensure_ascii=False) + "\n").encode()

    def tasks_with(self, own: Sequence[Task], path: Path) -> list[Task]:
        """Return the tasks; those of no kind of this package are found by name among `own`.

        Raises:
            ModelFolderError: a task is missing, has other channels, is not needed, or its fields cannot be.

        """
        given = {task.name: task for task in own}
        found = [_task(part, given, path) for part in self.tasks]
        needed = [str(part.fields["name"]) for part in self.tasks if part.kind == OWN]
        if strange := [*given.keys() - {*needed}]:
            expected = f"'{path}' has {', '.join(needed) or 'no tasks'} of somebody's own"
            raise ModelFolderError(f"{expected}, and nothing else should be handed over. Found '{min(strange)}'.")
        names = [task.name for task in found]
        if strange := [name for name in names if not re.fullmatch(TASK, name)]:
            expected = f"'{path}' should have names of tasks of letters, digits, spaces, dashes and underscores"
            raise ModelFolderError(f"{expected}. Found {one_line(repr(strange[0]), 100)}. Rename the task.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ModelFolderError(f"'{path}' should have each task once. Found {one_line(repr(twice[0]), 100)} twice.")
        return found


def task_part(task: Task) -> TaskPart:
    """Return a task as the file holds it."""
    if (word := word_of(task)) is None:
        return TaskPart(kind=OWN, fields={"name": task.name, "channels": task.channels})
    return TaskPart(kind=word, fields=json.loads(json.dumps(asdict(task))))


def own_version() -> str:
    """Return the version of this package."""
    try:
        return version("fedhca")
    except PackageNotFoundError:  # run from a source tree
        return "from source"


def read_model_description(path: Path) -> ModelDescription:
    """Read config.json.

    Raises:
        ModelFolderError: it is missing, no JSON, of another version, or a field is not what it should be.

    """
    values = _json(path)
    if not isinstance(values, Mapping) or values.get("format") != FORMAT or "tasks" not in values:
        found = one_line(repr(values.get("format")), 60) if isinstance(values, Mapping) else "no mapping"
        message = f"'{path}' should describe a model that fedhca exported, of format {FORMAT}. Found {found}."
        raise ModelFolderError(f"{message} Export it again, or load it with the version of fedhca that wrote it.")
    try:
        described = validated(values, ModelDescription, f"'{path}'")
    except RecipeError as error:
        raise ModelFolderError(f"{error} Export the model again.") from None
    shown = Pictures(size=described.pictures.size)
    if described.pictures != shown:
        expected = f"mean {shown.mean} and deviation {shown.deviation}, as all models of this version have them"
        raise ModelFolderError(f"'{path}': `pictures` should have {expected}. Found others. Update fedhca.")
    return described


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        mend = "Give a folder that fedhca export wrote."
        raise ModelFolderError(f"'{path}' should describe a model. Found: {error.strerror or error}. {mend}") from None
    if len(content) > LARGEST_FILE:
        raise ModelFolderError(f"'{path}' should be at most {LARGEST_FILE} bytes. Found more. Export the model again.")
    try:
        values = json.loads(content, parse_constant=_refuse)
        require_plain(values)
        return values
    except (ValueError, RecursionError) as error:
        found = one_line(str(error), 200) or type(error).__name__
        raise ModelFolderError(f"'{path}' should be JSON. Found: {found}. Export the model again.") from None


def _refuse(word: str) -> Any:
    raise ValueError(f"a number that is none, {word}")


def _task(part: TaskPart, given: Mapping[str, Task], path: Path) -> Task:
    if part.kind == OWN:
        return _own_task(part, given, path)
    if part.kind not in KINDS:
        raise ModelFolderError(f"'{path}': {unknown('kind of task', one_line(part.kind, 60), KINDS)} Update fedhca.")
    kind = KINDS[part.kind]
    strange = part.fields.keys() - {field.name for field in fields(kind)}
    if strange:
        found = one_line(repr(min(strange)), 60)
        raise ModelFolderError(f"'{path}': a task of kind '{part.kind}' has no field {found}. Update fedhca.")
    fields_of = TypeAdapter(kind)
    try:
        task: Task = fields_of.validate_json(json.dumps(part.fields), strict=True)
    except ValidationError as error:
        found = describe(error, fields_of.json_schema(), part.fields)
        raise ModelFolderError(f"'{path}', task of kind '{part.kind}': {found}") from None
    except FedhcaError as error:
        raise ModelFolderError(f"'{path}': {error}") from None
    return task


def _own_task(part: TaskPart, given: Mapping[str, Task], path: Path) -> Task:
    name, channels = part.fields.get("name"), part.fields.get("channels")
    if not isinstance(name, str) or name not in given:
        found = ", ".join(given) or "none"
        expected = f"'{path}' has a task {one_line(repr(name), 100)} of somebody's own, which has to be handed over"
        raise ModelFolderError(f"{expected}: from_pretrained(…, tasks=[…]). Found {found}.")
    if given[name].channels != channels:
        found = f"{given[name].channels} channels instead of {one_line(repr(channels), 60)}"
        raise ModelFolderError(f"The task '{name}' that was handed over should be that of '{path}'. Found {found}.")
    return given[name]
