"""Kinds of numbers in files of people, each with its bounds: what lies beyond is a slip, or takes all memory."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
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

Workers = Annotated[int, Field(ge=0, le=256), Number]
"""Processes that load data."""

Positive = Annotated[float, Field(gt=0, le=1e9, examples=[0.1]), Number]
NotNegative = Annotated[float, Field(ge=0, le=1e9), Number]

Seconds = Annotated[float, Field(gt=0, le=1e7, examples=[60]), Number]

Share = Annotated[float, Field(gt=0, lt=1, examples=[0.2]), Number]
"""Neither nothing nor all."""

LARGEST, LONGEST, DEEPEST = 100_000, 100, 4
"""Of the settings of a backbone: the sum of all numbers, the length of each list, mapping and word, the levels."""


def _moderate(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a backbone; ValueError where they are larger than any backbone's.

    Layers of a hundred stages would take minutes before they are found to be too many.
    """
    if _sum(settings, 0) > LARGEST:
        raise ValueError(f"settings of a backbone should have numbers of at most {LARGEST} together; found more")
    return settings


def _sum(value: Any, depth: int) -> int | float:
    inner = [*value.values(), *value.keys()] if isinstance(value, Mapping) else value if isinstance(value, list) else []
    size = len(value) if isinstance(value, str | list | Mapping) else 0
    if size > LONGEST or depth > DEEPEST:
        raise ValueError(f"settings of a backbone should have words and lists of at most {LONGEST}; found more")
    own = min(abs(value), 2 * LARGEST) if isinstance(value, int | float) else 0
    return own + sum(_sum(each, depth + 1) for each in inner)


Settings = Annotated[dict[str, Any], AfterValidator(_moderate)]
"""Of a backbone."""
