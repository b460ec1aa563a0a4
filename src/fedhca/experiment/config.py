"""The recipe: everything an experiment depends on, validated before anything is built."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from fedhca.client.training import Precision
from fedhca.compression import Form
from fedhca.data.described.description import FILE, Labels, read_description
from fedhca.data.source import GroundTruth
from fedhca.models.client_model import NARROWEST
from fedhca.models.encoder import SWIN_T
from fedhca.plain import plain
from fedhca.section import Name, Place, Section
from fedhca.server.policy import OnMissing

Size = tuple[PositiveInt, PositiveInt]


class Augmentation(Section):
    """Random changes of training pictures."""

    scale: tuple[PositiveFloat, PositiveFloat] = (0.5, 2.0)
    flip: bool = True
    photometric: bool = True

    @model_validator(mode="after")
    def _ascending(self) -> "Augmentation":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"`scale` should be [least, greatest]; found {list(self.scale)}")
        return self


class DataSet(Section):
    """What all data sets have: local epochs per round, augmentation, and how near an edge must be to be found.

    `max_dist` is a share of the diagonal; the benchmark's own for this data if not given.
    """

    local_epochs: PositiveInt = 1
    max_dist: Annotated[float, Field(gt=0, lt=1)] | None = None
    augmentation: Augmentation = Augmentation()

    def described(self) -> "DataSet":
        """Return the section with what the data set says of itself, if it says something."""
        return self


class SyntheticData(DataSet):
    """Scenes generated on the fly; `train` of them are shared out among the clients, `val` are for testing."""

    kind: Literal["rooms", "figures"]
    size: Size = (128, 128)
    train: PositiveInt = 256
    val: PositiveInt = 64


class FolderData(DataSet):
    """What data sets in folders have: where they lie, how much smaller to make them."""

    root: Place
    shrink: Annotated[float, Field(gt=0, le=1)] = 1.0


class BenchmarkData(FolderData):
    """What the data sets of the paper have: what edges are held against in tests."""

    ground_truth: GroundTruth = "benchmark"


class NYUDv2Data(BenchmarkData):
    """NYUD-v2, or data in its layout."""

    kind: Literal["nyud"]
    size: Size = (448, 576)
    classes: PositiveInt = 40
    train: str = "train"
    val: str = "val"


class PASCALContextData(BenchmarkData):
    """PASCAL-Context, or data in its layout."""

    kind: Literal["pascal_context"]
    size: Size = (512, 512)
    classes: PositiveInt = 21
    parts: PositiveInt = 7
    train: str = "train"
    val: str = "val"
    cache: Place | None = None
    legacy_parts: bool = False


class OwnFolderData(FolderData):
    """A folder of anybody's, which says in dataset.yaml what it holds.

    Where the folder is not (at a server, in a finished run), `tasks` says what its tasks are.
    """

    kind: Literal["folder"]
    size: Size
    tasks: Labels = Field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        """How the labels of each task lie in files; DataError where neither recipe nor folder says it."""
        return self.tasks or read_description(self.root).tasks

    def described(self) -> "OwnFolderData":
        """Return the section with the tasks of its folder, if the folder is there."""
        return self.model_copy(update={"tasks": self.labels}) if (self.root / FILE).is_file() else self


class HuggingFaceData(DataSet):
    """A data set of the datasets library, in a folder or on the Hugging Face hub.

    `columns` says which column holds what (`image`, or the name of a task); `val` may be a share of `train`.
    """

    kind: Literal["huggingface"]
    path: str
    revision: str | None = None
    size: Size
    shrink: Annotated[float, Field(gt=0, le=1)] = 1.0
    tasks: Annotated[Labels, Field(min_length=1)]
    columns: dict[str, str] = Field(default_factory=dict)
    train: str = "train"
    val: str | Annotated[float, Field(gt=0, lt=1)] = "validation"
    seed: NonNegativeInt = 0

    @field_validator("path")
    @classmethod
    def _whole(cls, path: str) -> str:
        """A folder is relative to where the command runs; absolute from then on."""
        place = Path(path).expanduser()
        return str(place.absolute()) if place.is_dir() else path

    @model_validator(mode="after")
    def _columns(self) -> "HuggingFaceData":
        for name in self.columns:
            if name not in {"image", *self.tasks}:
                raise ValueError(f"`columns` should be of image, {', '.join(self.tasks)}; found '{name}'")
        for name, label in self.tasks.items():
            if label.folder or label.suffix:
                raise ValueError(f"task '{name}' should have a column, not a `folder` or `suffix`; set `columns`")
        return self

    @property
    def labels(self) -> Labels:
        """How the labels of each task are stored."""
        return self.tasks


AnyData = Annotated[
    SyntheticData | NYUDv2Data | PASCALContextData | OwnFolderData | HuggingFaceData, Field(discriminator="kind")
]

KINDS: dict[str, type[DataSet]] = {
    "rooms": SyntheticData,
    "figures": SyntheticData,
    "nyud": NYUDv2Data,
    "pascal_context": PASCALContextData,
    "folder": OwnFolderData,
    "huggingface": HuggingFaceData,
}
"""The section that describes each kind of data set."""


class ModelSection(Section):
    """The architecture of all clients that have none of their own."""

    backbone: str = SWIN_T
    pretrained: bool = True
    config: dict[str, Any] = Field(default_factory=dict)
    width: Annotated[int, Field(ge=NARROWEST)] = 96


class OwnModelSection(Section):
    """In what a client's architecture differs from the others'; `config` of theirs is not for another backbone."""

    backbone: str | None = None
    pretrained: bool | None = None
    config: dict[str, Any] | None = None
    width: Annotated[int, Field(ge=NARROWEST)] | None = None

    def over(self, model: ModelSection) -> ModelSection:
        """Return the client's architecture, given that of the others."""
        fresh: dict[str, Any] = {} if self.backbone is None else {"config": {}}
        return model.model_copy(update={**fresh, **self.model_dump(exclude_none=True)})


class ClientSection(Section):
    """One client, or `count` of them with numbered names; its rounds and its model, if they are not everybody's."""

    name: Name
    dataset: Name
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    count: PositiveInt = 1
    joins: PositiveInt = 1
    leaves: PositiveInt | None = None
    model: OwnModelSection | None = None

    @property
    def spelt_out(self) -> "tuple[ClientSection, ...]":
        """Each of the `count` clients on its own."""
        if self.count == 1:
            return (self,)
        names = [f"{self.name}-{number}" for number in range(1, self.count + 1)]
        return tuple(self.model_copy(update={"name": name, "count": 1}) for name in names)

    @model_validator(mode="after")
    def _different_tasks(self) -> "ClientSection":
        twice = [task for task, count in Counter(self.tasks).items() if count > 1]
        if twice:
            raise ValueError(f"each task once; found `{twice[0]}` twice")
        if self.leaves is not None and self.leaves < self.joins:
            raise ValueError(f"`leaves` should be at least {self.joins}, where it joins; found {self.leaves}")
        return self


class TrainingSection(Section):
    """How clients train; see `fedhca.Training`."""

    batch_size: PositiveInt = 8
    learning_rate: PositiveFloat = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    warmup_epochs: NonNegativeInt = 5
    warmup_learning_rate: PositiveFloat | None = None
    final_learning_rate: PositiveFloat | None = None
    clip_norm: PositiveFloat | None = None
    precision: Precision = "auto"
    compile: bool = False
    workers: NonNegativeInt = 0


class SentSection(Section):
    """In what form parameters travel; one word is for both directions. See `fedhca.compression`."""

    down: Form = "float32"
    up: Form = "float32"

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"down": value, "up": value} if isinstance(value, str) else value


class GuardSection(Section):
    """How long an update may be, in medians of the round; see `fedhca.Guard`."""

    bound: Annotated[float, Field(ge=1)] | None = None
    reject: Annotated[float, Field(gt=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "GuardSection":
        if self.bound is not None and self.reject is not None and self.reject <= self.bound:
            raise ValueError(f"`reject` should be above `bound`, {self.bound}; found {self.reject}")
        return self


class PrivacySection(Section):
    """How every client's answers are blurred; see `fedhca.Privacy`."""

    clip: PositiveFloat
    noise: Annotated[float, Field(ge=0)]
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    metrics: bool = False


class MethodSection(BaseModel):
    """A method by name, with its options; `encoder` and `decoder` take those rules from another method instead.

    In one word: the name, then +OPTION=VALUE for each option, such as `fedprox+mu=0.1` or `fedhca2+decoder=local`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = "fedhca2"
    encoder: str | None = None
    decoder: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return _options(value) if isinstance(value, str) else value

    @property
    def label(self) -> str:
        """The method in one word; it names columns and folders."""
        rules = {"encoder": self.encoder, "decoder": self.decoder, **(self.model_extra or {})}
        chosen = [f"{name}={_word(value)}" for name, value in rules.items() if value is not None]
        return "+".join([self.name, *chosen])


def _options(word: str) -> dict[str, Any]:
    """Take a method in one word apart; ValueError where an option has no value."""
    name, *options = word.split("+")
    found: dict[str, Any] = {"name": name}
    for option in options:
        key, equals, text = option.partition("=")
        if not key.isidentifier() or not equals or not re.fullmatch(r"[\w.-]+", text):
            raise ValueError(f"a method should be NAME+OPTION=VALUE, such as fedprox+mu=0.1; found '{word}'")
        found[key] = plain(text)
    return found


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Recipe(Section):
    """One experiment.

    Attributes:
        description: one line for people.
        seed: everything random derives from it.
        rounds: rounds of the federation.
        evaluate_every: rounds between evaluations; the last round is always evaluated.
        checkpoint_every: rounds between checkpoints; the last round is always saved.
        on_missing: what to do about a client that does not answer: `fail`, `keep` or `wait`; see `fedhca.Policy`.
        min_clients: how many have to answer for a round to count, under `keep`.
        timeout: seconds a client has for one answer, over a network.
        guard: how long an update may be, in medians of the round: to be shortened (`bound`), or refused (`reject`).
        method: how the server mixes.
        model: the architecture.
        training: how clients train.
        weights: factors of task losses that replace the paper's.
        datasets: by name.
        clients: in order.
        device: `auto`, `cpu` or `cuda`.
        states: where clients' states and the server's rows are between rounds: in `memory`, or on `disk` alone.
        sent: in what form parameters travel, `down` to clients and `up` from them: `float32`, `bfloat16` or `int8`.
        privacy: how every client's answers are blurred; not at all if not given.

    """

    description: str = ""
    seed: NonNegativeInt = 0
    rounds: PositiveInt = 100
    evaluate_every: PositiveInt = 10
    checkpoint_every: PositiveInt = 1
    on_missing: OnMissing = "fail"
    min_clients: PositiveInt = 1
    timeout: PositiveFloat | None = None
    guard: GuardSection = GuardSection()
    method: MethodSection = MethodSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    weights: dict[str, PositiveFloat] = Field(default_factory=dict)
    datasets: dict[Name, AnyData]
    clients: Annotated[tuple[ClientSection, ...], Field(min_length=1)]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    states: Literal["memory", "disk"] = "memory"
    sent: SentSection = SentSection()
    privacy: PrivacySection | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        for client in self.clients:
            if client.dataset not in self.datasets:
                known = ", ".join(self.datasets)
                raise ValueError(
                    f"client '{client.name}' is on data set '{client.dataset}', which is not in `datasets` ({known})"
                )
        if self.states == "disk" and self.checkpoint_every > 1:
            raise ValueError(f"`states: disk` needs `checkpoint_every: 1`; found {self.checkpoint_every}")
        twice = [name for name, count in Counter(each.name for each in self.roster).items() if count > 1]
        if twice:
            raise ValueError(f"client names should be unique; found two clients '{twice[0]}'; rename one")
        return self

    @property
    def roster(self) -> tuple[ClientSection, ...]:
        """The clients with `count` spelt out: `name` alone, or `name-1`, `name-2` and so on."""
        return tuple(each for client in self.clients for each in client.spelt_out)

    def model_of(self, client: ClientSection) -> ModelSection:
        """Return a client's architecture."""
        return self.model if client.model is None else client.model.over(self.model)
