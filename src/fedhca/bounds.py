"""Kinds of numbers in files of people, each with its bounds: what lies beyond is a slip, or takes all memory."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _no_truth(value: object) -> object:
    if isinstance(value, bool):  # which Python takes for 0 or 1
        raise PydanticCustomError("number_type", "a number")
    return value


Number = BeforeValidator(_no_truth)
"""No `true`, no `false`."""

Count = Annotated[int, Field(ge=1, le=1_000_000), Number]
"""Rounds, epochs, pictures."""

Seed = Annotated[int, Field(ge=0, lt=2**63), Number]

Side = Annotated[int, Field(ge=1, le=8192, examples=[128]), Number]
"""Pixels of a side of training pictures."""

Width = Annotated[int, Field(ge=4, le=65_536), Number]
"""Channels of a decoder's maps."""

Positive = Annotated[float, Field(gt=0, le=1e9, examples=[0.1]), Number]
NotNegative = Annotated[float, Field(ge=0, le=1e9), Number]

Seconds = Annotated[float, Field(gt=0, le=1e7, examples=[60]), Number]

Share = Annotated[float, Field(gt=0, lt=1, examples=[0.2]), Number]
"""Neither nothing nor all."""
