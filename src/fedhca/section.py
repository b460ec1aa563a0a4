"""Sections of YAML files: which keys they may have, and what their names look like."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fedhca.errors import RecipeError
from fedhca.plain import read_yaml
from fedhca.validation import A_NAME, describe

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What names of clients look like: they become names of folders."""

Name = Annotated[str, Field(pattern=f"^{NAME}$", description=A_NAME, examples=["lab-1"])]
"""Of clients and data sets: they become names of folders."""

Place = Annotated[
    Path, AfterValidator(lambda path: path.expanduser().absolute()), Field(description="a path", examples=["data/voc"])
]
"""A folder: relative to where the command runs, `~` understood; absolute from then on."""

Some = TypeVar("Some", bound=BaseModel)


class Section(BaseModel):
    """A part of a file: no unknown keys, no change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_section(path: Path, kind: type[Some], what: str) -> Some:
    """Read a YAML file as a section of its kind; RecipeError names the file and the first field that is wrong."""
    return checked(read_yaml(path, what), kind, f"'{path}'")


def checked(values: Any, kind: type[Some], source: str) -> Some:
    """Validate plain values as a section of its kind; RecipeError names where they are from and what is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{source}: {describe(error, kind.model_json_schema(), values)}") from None
