"""Who takes part: the order of clients, and the row of every encoder and decoder."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.errors import RecipeError
from fedhca.layout import Layout
from fedhca.messages import Hello
from fedhca.parameters import Parameters
from fedhca.tables import new_like


@dataclass(frozen=True)
class Roster:
    """The clients of a federation, in order, and how their parameters stack.

    Attributes:
        members: one per client, its tasks in the order of its decoders; row i of the encoders [n, d].
        encoder_layout: of every encoder.
        decoder_layout: of every decoder.

    """

    members: tuple[Member, ...]
    encoder_layout: Layout
    decoder_layout: Layout

    @classmethod
    def of(cls, hellos: Iterable[Hello], order: Sequence[str] | None = None) -> "Roster":
        """Make the roster of those who said hello, in the given order, or else by name.

        Raises:
            RecipeError: two clients have one name, a client has no task, or there is none.
            LayoutError: the architectures differ; the first difference is named.

        """
        by_name: dict[str, Hello] = {}
        for hello in hellos:
            if hello.client in by_name:
                raise RecipeError(f"Client names should be unique. Found two clients '{hello.client}'. Rename one.")
            if not hello.tasks:
                raise RecipeError(f"Client '{hello.client}' should have at least one task. Found none. List its tasks.")
            by_name[hello.client] = hello
        names = sorted(by_name) if order is None else list(order)
        if not names or sorted(names) != sorted(by_name):
            raise RecipeError(f"Clients should be {names or 'at least one'}. Found {sorted(by_name)}.")
        first = by_name[names[0]]
        for name in names[1:]:
            other = by_name[name]
            first.encoder_layout.require_equal(other.encoder_layout, f"client '{name}', its encoder,")
            first.decoder_layout.require_equal(other.decoder_layout, f"client '{name}', its decoders,")
        members = tuple(
            Member(name, by_name[name].dataset, by_name[name].tasks, by_name[name].examples) for name in names
        )
        return cls(members, first.encoder_layout, first.decoder_layout)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clients, in order."""
        return tuple(member.client for member in self.members)

    def among(self, names: Collection[str]) -> "Roster":
        """Return the roster of some of the clients."""
        return replace(self, members=tuple(member for member in self.members if member.client in names))

    @property
    def decoder_members(self) -> tuple[Member, ...]:
        """One per decoder of the federation: client by client, task by task; row k of the decoders [k, e]."""
        return tuple(
            Member(member.client, member.dataset, (task,), member.examples)
            for member in self.members
            for task in member.tasks
        )

    def stack(
        self, parameters: Mapping[str, Parameters], table: Callable[[Tensor], Tensor] = new_like
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k e"]]:
        """Copy every client's encoder and decoders into two tables; `table` makes one like what it is given."""
        first = next(iter(parameters.values()))
        heights = len(self.members), len(self.decoder_members)
        rows = (first.encoder, first.decoders[0])
        encoders, decoders = (table(row.expand(height, -1)) for row, height in zip(rows, heights, strict=True))
        for name, place in self.unstack(encoders, decoders).items():
            place.encoder.copy_(parameters[name].encoder)
            place.decoders.copy_(parameters[name].decoders)
        return encoders, decoders

    def unstack(self, encoders: Float[Tensor, "n d"], decoders: Float[Tensor, "k e"]) -> dict[str, Parameters]:
        """Give every client its own rows, as views."""
        shares = decoders.split([len(member.tasks) for member in self.members])
        return {
            name: Parameters(encoder, share) for name, encoder, share in zip(self.names, encoders, shares, strict=True)
        }
