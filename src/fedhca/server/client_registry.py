"""Who takes part: the order of clients, and the row of every encoder and decoder."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

from jaxtyping import Float
from torch import Tensor

from fedhca.aggregation import Member
from fedhca.errors import RecipeError
from fedhca.server.architecture_group import PARTS, Family, Part, part_rows
from fedhca.storage.tables import new_like
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Hello
from fedhca.wire.parameters import Parameters


@dataclass(frozen=True)
class ClientRegistry:
    """The clients of a federation, in order, and how their parameters stack.

    Attributes:
        members: one per client, its tasks in the order of its decoders.
        layouts: of each client's encoder, and of each of its decoders.

    """

    members: tuple[Member, ...]
    layouts: tuple[tuple[Layout, Layout], ...]

    @classmethod
    def of(cls, hellos: Iterable[Hello], order: Sequence[str] | None = None) -> "ClientRegistry":
        """Make the roster of those who said hello, in the given order, or else by name.

        Raises:
            RecipeError: two clients have one name, a client has no task, or there is none.

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
        ordered = [by_name[name] for name in names]
        return cls(
            tuple(Member(each.client, each.dataset, each.tasks, each.examples) for each in ordered),
            tuple((each.encoder_layout, each.decoder_layout) for each in ordered),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clients, in order."""
        return tuple(member.client for member in self.members)

    def among(self, names: Collection[str]) -> "ClientRegistry":
        """Return the roster of some of the clients."""
        chosen = [member.client in names for member in self.members]
        return ClientRegistry(tuple(compress(self.members, chosen)), tuple(compress(self.layouts, chosen)))

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """What can be mixed with each other: the families of encoders, then those of decoders."""
        decoders = [each for member, (_, each) in zip(self.members, self.layouts, strict=True) for _ in member.tasks]
        return (
            *Family.among("encoder", self.members, [each for each, _ in self.layouts]),
            *Family.among("decoder", self.decoder_members, decoders),
        )

    def layouts_of(self, name: str) -> tuple[Layout, Layout]:
        """Return the layouts of a client's encoder and of its decoders."""
        return self.layouts[self.names.index(name)]

    def tasks_of(self, name: str) -> tuple[str, ...]:
        """Return a client's tasks, in the order of its decoders."""
        return self.members[self.names.index(name)].tasks

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
    ) -> tuple[Float[Tensor, "_ _"], ...]:
        """Copy all clients' parameters into a table for each family; `table` makes one like what it is given."""
        found = []
        for family in self.families:
            first = part_rows(family.part, parameters[family.clients[0]])[0]
            found.append(table(first.expand(len(family.members), -1)))
            for name, rows in family.shares(found[-1]).items():
                rows.copy_(part_rows(family.part, parameters[name]))
        return tuple(found)

    def unstack(self, *tables: Float[Tensor, "_ _"]) -> dict[str, Parameters]:
        """Give every client its own rows of the tables, as views."""
        found: dict[Part, dict[str, Tensor]] = {part: {} for part in PARTS}
        for family, table in zip(self.families, tables, strict=True):
            found[family.part] |= family.shares(table)
        encoders, decoders = (found[part] for part in PARTS)
        return {name: Parameters(encoders[name][0], decoders[name]) for name in self.names}
