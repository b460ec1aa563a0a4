"""One organisation as an experiment describes it, before it has a model."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from fedhca.client.samples import PictureSet
from fedhca.config.federation import ClientEntry
from fedhca.models.decoder import MakeDecoder
from fedhca.tasks.task import Task


@dataclass(frozen=True)
class Participant:
    """Who takes part, with which tasks and which private data.

    Attributes:
        name: unique in the federation.
        tasks: one or many; `fedhca.tasks` has eight kinds, or write your own.
        train: training pictures: any data set of dictionaries with `image` [3, y, x] and a label map per task.
        test: test pictures, likewise.
        dataset: name of the data set; participants with equal data set and tasks are homogeneous. The participant's
            own name if not given.
        joins: the first round in which it takes part, counted from 1.
        leaves: the last one; the last of the run if not given.
        local_epochs: epochs in a round.
        encoder: that it starts from, if not from the federation's.
        decoder: what makes its decoders, if not what makes the federation's.
        width: channels of its decoders, if not the federation's.

    Raises:
        RecipeError: the name could not be one of a folder, there is no task, or a task comes twice.

    """

    name: str
    tasks: Sequence[Task]
    train: PictureSet
    test: PictureSet
    dataset: str | None = None
    joins: int = 1
    leaves: int | None = None
    local_epochs: int = 1
    encoder: nn.Module | None = None
    decoder: MakeDecoder | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        """Check what a client of a federation has to be."""
        _ = self.client

    @property
    def client(self) -> ClientEntry:
        """The participant as all others know it: without data and model."""
        return ClientEntry(
            name=self.name,
            dataset=self.dataset or self.name,
            tasks=tuple(task.name for task in self.tasks),
            joins=self.joins,
            leaves=self.leaves,
            local_epochs=self.local_epochs,
        )
