"""The one input of every aggregation rule: where participants started and arrived, and products of updates."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.checked import floats
from fedhca.aggregation.passes import Bounds, Tables, gram, scale
from fedhca.errors import RecipeError
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import is_finite


@dataclass(frozen=True)
class Products:
    """Inner products in float64, of s stretches of the row: the whole of it (s = 1), its segments or its layers.

    They are few numbers, and lie in the processor's memory wherever the rows are.

    Attributes:
        gram: G_ij = ⟨Δ_i, Δ_j⟩ of the updates.
        along: ⟨Δ_i, direction_j⟩ with p directions.
        lengths: ‖direction_j‖².

    """

    gram: Float[Tensor, "s m m"]
    along: Float[Tensor, "s m p"]
    lengths: Float[Tensor, "s p"]

    @classmethod
    def of(cls, gram: Float[Tensor, "s q q"], m: int) -> "Products":
        """Take apart the Gram matrix of m updates and the directions."""
        return cls(gram[:, :m, :m], gram[:, :m, m:], gram[:, m:, m:].diagonal(dim1=1, dim2=2))

    def summed(self, groups: tuple[int, ...], count: int) -> "Products":
        """Return sums over groups of stretches: `groups` numbers each stretch's."""
        index = torch.tensor(groups)
        parts = (self.gram, self.along, self.lengths)
        return Products(*(each.new_zeros(count, *each.shape[1:]).index_add_(0, index, each) for each in parts))

    @property
    def sizes(self) -> Float[Tensor, "s m p"]:
        """‖Δ_i‖·‖direction_j‖ of every pair."""
        own = self.gram.diagonal(dim1=1, dim2=2)
        return (own[:, :, None] * self.lengths[:, None, :]).sqrt()


@dataclass(frozen=True)
class Member:
    """Whose row it is: an encoder has all tasks of its client, a decoder has one."""

    client: str
    dataset: str
    tasks: tuple[str, ...]
    examples: int = 1


@dataclass(frozen=True, eq=False)
class Rows:
    """Parameters of m participants before and after local training, one row of width w each.

    Rows may lie in memory, in a mapped file or on an accelerator. What a rule asks of them is inner products, and each
    question is one pass over them, its answer remembered.

    Attributes:
        start: what each participant received.
        end: what it sent after local training; its update is `end − start`.
        members: whose row each is.
        layout: names, shapes and layers of the row's segments.
        fresh: whose start is what was answered last round; all if not given. One who was away started further back,
            so that last round's directions say nothing about its progress.
        places: which of n ≥ m rows are the members', where the others are of no concern; all if not given.

    Raises:
        RecipeError: start and end are not two matrices of floating-point numbers of one shape, or not of the members
            and the layout; or, when they are first looked at, they are not finite.

    """

    start: Float[Tensor, "n w"]
    end: Float[Tensor, "n w"]
    members: tuple[Member, ...]
    layout: Layout
    fresh: Bool[Tensor, " m"] | None = None
    places: tuple[int, ...] | None = None
    _seen: list[tuple[Tensor | None, bool, Products]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", floats(self.start, "start"))
        object.__setattr__(self, "end", floats(self.end, "end", self.start.shape))
        count = len(self.end) if self.places is None else len(self.places)
        if len(self.members) != count or self.layout.width != self.end.shape[1]:
            expected = f"{len(self.members)} rows of width {self.layout.width}"
            raise RecipeError(f"Rows should be {expected}. Found {(count, self.end.shape[1])}.")

    @cached_property
    def tables(self) -> Tables:
        """Where the rows lie."""
        places = range(len(self.members)) if self.places is None else self.places
        return Tables(self.start, self.end, torch.tensor(places, dtype=torch.int64, device=self.end.device))

    @property
    def updates(self) -> Float[Tensor, "m w"]:
        """How far each participant moved, Δ = end − start (a new tensor of the rows' size)."""
        places = self.tables.places
        return self.end[places] - self.start[places]

    def among(self, chosen: Tensor) -> "Rows":
        """Return some of the rows, by position, where they lie."""
        return replace(
            self,
            members=tuple(self.members[place] for place in chosen.tolist()),
            fresh=None if self.fresh is None else self.fresh[chosen],
            places=tuple(self.tables.places[chosen.to(self.end.device)].tolist()),
        )

    def scale_updates(self, factors: Float[Tensor, " m"]) -> None:
        """Make every update so many times as long, in place: end ← start + factor · Δ.

        Whoever asked for products before holds those of other rows: make new `Rows` to go on.
        """
        scale(self.tables, factors, self.bounds(1))

    def bounds(self, segments: int) -> Bounds:
        """Return where each segment starts and stops; 1 segment is the whole row."""
        return [(0, self.layout.width)] if segments == 1 else [(each.start, each.stop) for each in self.layout.segments]

    def products(self, directions: Float[Tensor, "p w"] | None = None, *, by_segment: bool = False) -> Products:
        """Return inner products of the updates with each other and with directions, of the whole row or by segment.

        One pass: a rule that has directions asks for both at once.
        """
        for asked, segments, found in self._seen:
            if asked is directions and segments == by_segment:
                return found
        along = self.end.new_empty(0, self.layout.width) if directions is None else directions
        bounds = self.bounds(len(self.layout.segments) if by_segment else 1)
        found = Products.of(self._survey(along, bounds, centred=False), len(self.members))
        self._seen.append((directions, by_segment, found))
        return found

    @property
    def gram(self) -> Float[Tensor, "m m"]:
        """G_ij = ⟨Δ_i, Δ_j⟩ of the updates over the whole row in float64, from whatever pass there was."""
        if not self._seen:
            self.products()
        return self._seen[0][2].gram.sum(0)

    @cached_property
    def centred_gram(self) -> Float[Tensor, "m m"]:
        """G_ij = ⟨w_i − w̄, w_j − w̄⟩ of what was sent, w = end, in float64."""
        nothing = self.end.new_empty(0, self.layout.width)
        return self._survey(nothing, self.bounds(1), centred=True)[0]

    def _survey(self, directions: Float[Tensor, "p w"], bounds: Bounds, *, centred: bool) -> Float[Tensor, "s q q"]:
        """Return inner products; RecipeError if they are not finite, with the clients whose rows are not."""
        found = gram(self.tables, directions, bounds, centred=centred)
        if not is_finite(found):
            owners = zip(self.members, self.tables.places.tolist(), strict=True)
            broken = [each.client for each, row in owners if not is_finite(self.start[row], self.end[row])]
            which = f"NaN or infinity in those of {', '.join(broken)}" if broken else "products beyond float64"
            raise RecipeError(f"Rows should be finite. Found {which}.")
        return found
