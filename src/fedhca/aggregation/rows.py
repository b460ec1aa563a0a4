"""The one input of every aggregation rule: where each participant started and where it arrived."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fedhca.layout import Layout


@dataclass(frozen=True)
class Member:
    """Whose row it is: an encoder has all tasks of its client, a decoder has one."""

    client: str
    dataset: str
    tasks: tuple[str, ...]
    examples: int = 1


@dataclass(frozen=True)
class Rows:
    """Parameters of m participants before and after local training, one row of width w each.

    Attributes:
        start: what each participant received.
        end: what it sent after local training; its update is `end − start`.
        members: whose row each is.
        layout: names, shapes and layers of the row's segments.

    """

    start: Float[Tensor, "m w"]
    end: Float[Tensor, "m w"]
    members: tuple[Member, ...]
    layout: Layout

    def __post_init__(self) -> None:
        if len(self.members) != len(self.end) or self.layout.width != self.end.shape[1]:
            expected = f"{len(self.members)} rows of width {self.layout.width}"
            raise ValueError(f"Rows should be {expected}. Found {tuple(self.end.shape)}.")

    @property
    def updates(self) -> Float[Tensor, "m w"]:
        """How far each participant moved, Δ = end − start (a new tensor of the rows' size)."""
        return self.end - self.start
