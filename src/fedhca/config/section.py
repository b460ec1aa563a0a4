"""Sections of YAML files: which keys they may have, and what their names look like."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fedhca.config.validation import A_NAME, describe
from fedhca.config.yaml import read_yaml
from fedhca.errors import RecipeError

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
    """A part of a file, or of a call: no unknown keys, no change after validation.

    Raises:
        RecipeError: a value is not what its field should be.

    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __init__(self, /, **values: Any) -> None:
        """Make a section in Python; of what is wrong in a file, `validated` says the place there."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            line = describe(error, type(self).model_json_schema(), values)
            raise RecipeError(f"{type(self).__name__}: {line}") from None

    # Sections within sections are validated with their place in the whole, as if this were BaseModel's own.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def read_section(path: Path, kind: type[Some], what: str) -> Some:
    """Read a YAML file as a section of its kind; RecipeError names the file and the first field that is wrong."""
    return validated(read_yaml(path, what), kind, f"'{path}'")


def validated(values: Any, kind: type[Some], source: str) -> Some:
    """Validate plain values as a section of its kind; RecipeError names where they are from and what is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{source}: {describe(error, kind.model_json_schema(), values)}") from None
