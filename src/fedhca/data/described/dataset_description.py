"""dataset.yaml: what a folder of pictures and labels holds."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fedhca.config.bounds import Seed, Share
from fedhca.config.section import Section, read_section
from fedhca.data.described.class_maps import ClassMap
from fedhca.data.described.depths import DepthMap
from fedhca.data.described.label import Below
from fedhca.data.described.masks import Mask
from fedhca.data.described.normal_maps import NormalMap
from fedhca.data.described.picture_classes import PictureClass
from fedhca.data.described.points import Points
from fedhca.errors import DataError, RecipeError

FILE = "dataset.yaml"
TASK_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,99}"


def _free(name: str) -> str:
    from torch import nn  # noqa: PLC0415  a second that only this needs

    if name == "image" or hasattr(nn.ModuleDict(), name):
        raise ValueError(f"a task should not be called '{name}', which means something else; rename it")
    return name


TaskName = Annotated[str, Field(pattern=f"^{TASK_NAME}$"), AfterValidator(_free)]
"""Of tasks: they become names of folders, of parts of models, and of columns."""

AnyLabel = Annotated[ClassMap | DepthMap | NormalMap | Mask | PictureClass | Points, Field(discriminator="kind")]
Labels = dict[TaskName, AnyLabel]
"""How the labels of each task lie in files."""


class DataSetDescription(Section):
    """What is in dataset.yaml.

    Attributes:
        description: one line for people.
        images: the folder of the pictures.
        tasks: how the labels of each lie in files.
        train: a list of names, one a line; all pictures that are not for testing if not given.
        val: likewise, for testing; or the share of pictures to draw for it.
        seed: of that draw.

    """

    description: str = ""
    images: Below = "images"
    tasks: Annotated[Labels, Field(min_length=1)]
    train: Below | None = None
    val: Below | Share = 0.2
    seed: Seed = 0


def read_dataset_description(root: Path) -> DataSetDescription:
    """Read what a folder says of itself; DataError where it says nothing, or something that cannot be."""
    if not root.is_dir():
        raise DataError(f"{root}: expected the folder of a data set; found none. Correct `root`.")
    if not (root / FILE).is_file():
        mend = f"Write one: fedhca new dataset {root}."
        raise DataError(f"{root / FILE}: expected this file, which says what the folder holds; found none. {mend}")
    try:
        return read_section(root / FILE, DataSetDescription, "Data set")
    except RecipeError as error:
        raise DataError(str(error)) from None


def written(labels: Labels) -> dict[str, Any]:
    """Return labels as plain values, without what they would be anyway."""
    return {name: label.model_dump(mode="json", exclude_defaults=True) for name, label in labels.items()}
