"""`datasets`: one section for each kind of data set."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fedhca.config.bounds import Count, Number, Seed, Share, Side
from fedhca.config.owner import Owner
from fedhca.config.section import Place, Section
from fedhca.data.described.dataset_description import FILE, Labels, read_dataset_description
from fedhca.data.source import GroundTruth
from fedhca.tasks.task import IGNORE

Size = tuple[Side, Side]
Scale = Annotated[float, Field(ge=0.01, le=100, examples=[1.0]), Number]
Shrink = Annotated[float, Field(gt=0, le=1, examples=[0.5]), Number]
Classes = Annotated[int, Field(ge=1, le=IGNORE), Number]


class Augmentation(Section):
    """Random changes of training pictures."""

    scale: tuple[Scale, Scale] = (0.5, 2.0)
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

    local_epochs: Count = 1
    max_dist: Share | None = None
    augmentation: Augmentation = Augmentation()

    def described(self) -> "DataSet":
        """Return the section with what the data set says of itself, if it says something."""
        return self

    def as_begun(self, tasks: Collection[str]) -> "DataSet":
        """Return the section of a run with some tasks: a key that its recipe does not have yet means the former way."""
        return self


class SyntheticData(DataSet):
    """Scenes generated on the fly; `train` of them are shared out among the clients, `val` are for testing."""

    kind: Literal["rooms", "figures"]
    size: Size = (128, 128)
    train: Count = 256
    val: Count = 64


class FolderData(DataSet):
    """What data sets in folders have: where they lie, how much smaller to make them."""

    root: Place
    shrink: Shrink = 1.0


class BenchmarkData(FolderData):
    """What the data sets of the paper have: what edges are held against in tests."""

    ground_truth: GroundTruth = "benchmark"


class NYUDv2Data(BenchmarkData):
    """NYUD-v2, or data in its layout."""

    kind: Literal["nyud"]
    size: Size = (448, 576)
    classes: Classes = 40
    train: str = "train"
    val: str = "val"


class PASCALContextData(BenchmarkData):
    """PASCAL-Context, or data in its layout."""

    kind: Literal["pascal_context"]
    size: Size = (512, 512)
    classes: Classes = 21
    parts: Classes = 7
    train: str = "train"
    val: str = "val"
    cache: Place | None = None
    legacy_parts: bool = False
    legacy_normals: Annotated[bool, Owner.SERVER] = False

    def as_begun(self, tasks: Collection[str]) -> "PASCALContextData":
        """Return the section; runs whose recipe says nothing of normals on `unknown` began with them."""
        told = "normals" not in tasks or "legacy_normals" in self.model_fields_set
        return self if told else self.model_copy(update={"legacy_normals": True})


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
        return self.tasks or read_dataset_description(self.root).tasks

    def described(self) -> "OwnFolderData":
        """Return the section with the tasks of its folder, if the folder is there."""
        return self.model_copy(update={"tasks": self.labels}) if (self.root / FILE).is_file() else self


class HuggingFaceData(DataSet):
    """A data set of the datasets library, in a folder or on the Hugging Face hub.

    `columns` says which column holds what (`image`, or the name of a task); `val` may be a share of `train`.
    """

    kind: Literal["huggingface"]
    path: Annotated[str, Owner.SITE_IF_A_PATH]
    revision: str | None = None
    size: Size
    shrink: Shrink = 1.0
    tasks: Annotated[Labels, Field(min_length=1)]
    columns: dict[str, str] = Field(default_factory=dict)
    train: str = "train"
    val: str | Share = "validation"
    seed: Seed = 0

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
