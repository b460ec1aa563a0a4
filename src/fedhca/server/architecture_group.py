"""Rows that can be mixed with each other: encoders of one layout, or decoders of one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.errors import LayoutError
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import Parameters

Part = Literal["encoder", "decoder"]
PARTS: tuple[Part, ...] = ("encoder", "decoder")
"""What of a model travels, in the order in which families stand."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Family:
    """Those of a federation's encoders, or of its decoders, that have one layout.

    Attributes:
        part: what they are.
        number: which family of its part it is, from 1, by its first client.
        layout: of every row.
        members: whose each row is, by roster order.
        places: of its rows among all encoders, or all decoders, of the federation.

    """

    part: Part
    number: int
    layout: Layout
    members: tuple[Member, ...]
    places: tuple[int, ...]

    @classmethod
    def among(cls, part: Part, members: Sequence[Member], layouts: Iterable[Layout]) -> "list[Family]":
        """Return the families of a part: whose each of its rows is, and of which layout."""
        places: dict[Layout, list[int]] = {}
        for place, layout in enumerate(layouts):
            places.setdefault(layout, []).append(place)
        return [
            cls(part, number, layout, tuple(members[place] for place in theirs), tuple(theirs))
            for number, (layout, theirs) in enumerate(places.items(), start=1)
        ]

    @property
    def suffix(self) -> str:
        """What tells names of its tensors from another's: nothing for the first, which is mostly the only one."""
        return tensor_suffix(self.number)

    @property
    def clients(self) -> tuple[str, ...]:
        """Names of those it is of."""
        return tuple(dict.fromkeys(member.client for member in self.members))

    def shares(self, table: Float[Tensor, "m w"]) -> dict[str, Tensor]:
        """Give every client its own rows of the family's table, as views."""
        counts = Counter(member.client for member in self.members)
        return dict(zip(counts, table.split([*counts.values()]), strict=True))


def tensor_suffix(number: int) -> str:
    """Return what names end with for a family of this number."""
    return "" if number == 1 else f"-{number}"


def part_rows(part: Part, parameters: Parameters) -> Float[Tensor, "t w"]:
    """Return a client's rows of a part."""
    return parameters.encoder[None] if part == "encoder" else parameters.decoders


def only(part: Part, families: Sequence[Family], values: Sequence[Value]) -> Value:
    """Return what belongs to the one family of a part, out of one value for each family.

    Raises:
        LayoutError: the part has several families.

    """
    found = [value for family, value in zip(families, values, strict=True) if family.part == part]
    if len(found) > 1:
        expected = f"All {part}s should be of one architecture to be read together"
        raise LayoutError(f"{expected}. Found {len(found)}. Read them by client: `state.parameters`.")
    return found[0]


def architectures(families: Iterable[Family]) -> dict[str, list[dict[str, Any]]]:
    """Say, as JSON holds it, who is in which family, and where each layout first differs from the first family's.

    Only of parts of which there are several families; mostly of none.
    """
    found: dict[str, list[Family]] = {}
    for family in families:
        found.setdefault(family.part, []).append(family)
    return {
        part: [{"clients": [*each.clients], "unlike": each.layout.difference(theirs[0].layout)} for each in theirs]
        for part, theirs in found.items()
        if len(theirs) > 1
    }


def architecture_lines(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return what `architectures` found as a line for each part.

    >>> kin = [{"clients": ["a", "b"], "unlike": ""}, {"clients": ["c"], "unlike": "it is longer"}]
    >>> architecture_lines({"encoder": kin})
    ['Encoders are of 2 architectures, each mixed within its own: a, b; c, who hears nobody else (it is longer).']
    """
    return [
        f"{part.capitalize()}s are of {len(kin)} architectures, each mixed within its own: {'; '.join(map(_one, kin))}."
        for part, kin in found.items()
    ]


def _one(kin: Mapping[str, Any]) -> str:
    names, unlike = list(kin["clients"]), kin["unlike"]
    alone = ", who hears nobody else" if len(names) == 1 else ""
    return ", ".join(names) + alone + (f" ({unlike})" if unlike else "")
