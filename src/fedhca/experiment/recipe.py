"""The recipe: everything an experiment depends on, validated before anything is built."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from fedhca.config.bounds import Positive, Workers
from fedhca.config.federation import Federation, Site, Storage, Training
from fedhca.config.owner import Owner
from fedhca.config.section import Name
from fedhca.experiment.sections.client_section import MOST, ClientSection, ModelSection
from fedhca.experiment.sections.data_section import AnyData
from fedhca.experiment.sections.method_section import MethodSection


class RecipeTraining(Training):
    """How clients train, and `workers`: the processes that load data at a site."""

    workers: Annotated[Workers, Owner.SITE] = 0


class Recipe(Federation):
    """One experiment: how the federation is run, and all it is made of.

    Attributes:
        description: one line for people.
        method: how the server mixes.
        model: the architecture.
        weights: factors of task losses that replace the paper's.
        datasets: by name.
        device: `auto`, `cpu` or `cuda`.
        states: where clients' states and the server's rows are between rounds; see `Site`.

    """

    description: Annotated[str, Owner.SERVER] = ""
    method: Annotated[MethodSection, Owner.SERVER] = MethodSection.model_validate({})
    model: ModelSection = ModelSection()
    training: Annotated[RecipeTraining, Owner.SERVER] = RecipeTraining()
    weights: Annotated[dict[str, Positive], Owner.SERVER] = Field(default_factory=dict)
    datasets: dict[Name, AnyData]
    clients: Annotated[tuple[ClientSection, ...], Field(min_length=1)]
    device: Annotated[Literal["auto", "cpu", "cuda"], Owner.SITE] = "auto"
    states: Annotated[Storage, Owner.SITE] = "memory"

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if (count := sum(client.count for client in self.clients)) > MOST:
            raise ValueError(f"a federation should have at most {MOST:,} clients; found {count:,}")
        for client in self.clients:
            if client.dataset not in self.datasets:
                known = ", ".join(self.datasets)
                raise ValueError(
                    f"client '{client.name}' is on data set '{client.dataset}', which is not in `datasets` ({known})"
                )
        twice = [name for name, count in Counter(each.name for each in self.roster).items() if count > 1]
        if twice:
            raise ValueError(f"client names should be unique; found two clients '{twice[0]}'; rename one")
        return self

    @property
    def roster(self) -> tuple[ClientSection, ...]:
        """The clients with `count` spelt out: `name` alone, or `name-1`, `name-2` and so on."""
        return tuple(
            each.model_copy(update={"local_epochs": each.local_epochs or self.datasets[each.dataset].local_epochs})
            for client in self.clients
            for each in client.spelt_out
        )

    @property
    def site(self) -> Site:
        """What this machine says for itself."""
        return Site(device=self.device, workers=self.training.workers, states=self.states)

    def model_of(self, client: ClientSection) -> ModelSection:
        """Return a client's architecture."""
        return self.model if client.model is None else client.model.over(self.model)
