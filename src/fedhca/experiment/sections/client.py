"""`clients` and `model`: who takes part, from when to when, and with which architecture."""

from collections import Counter
from typing import Annotated, Any

from pydantic import Field, model_validator

from fedhca.bounds import Count, Number, Settings, Width
from fedhca.experiment.places import Local
from fedhca.models.decoder import Start
from fedhca.models.encoder import SWIN_T
from fedhca.section import Name, Section

MOST = 10_000
"""Clients of a federation."""


class ModelSection(Section):
    """The architecture of all clients that have none of their own."""

    backbone: Annotated[str, Local.UNLESS_A_NAME] = SWIN_T
    pretrained: bool = True
    config: Settings = Field(default_factory=dict)
    width: Width = 96
    decoders: Start = "alike"


class OwnModelSection(Section):
    """In what a client's architecture differs from the others'; `config` of theirs is not for another backbone."""

    backbone: Annotated[str | None, Local.UNLESS_A_NAME] = None
    pretrained: bool | None = None
    config: Settings | None = None
    width: Width | None = None

    def over(self, model: ModelSection) -> ModelSection:
        """Return the client's architecture, given that of the others."""
        fresh: dict[str, Any] = {} if self.backbone is None else {"config": {}}
        return model.model_copy(update={**fresh, **self.model_dump(exclude_none=True)})


class ClientSection(Section):
    """One client, or `count` of them with numbered names; its rounds and its model, if they are not everybody's."""

    name: Name
    dataset: Name
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    count: Annotated[int, Field(ge=1, le=MOST), Number] = 1
    joins: Count = 1
    leaves: Count | None = None
    model: OwnModelSection | None = None

    @property
    def spelt_out(self) -> "tuple[ClientSection, ...]":
        """Each of the `count` clients on its own."""
        if self.count == 1:
            return (self,)
        names = [f"{self.name}-{number}" for number in range(1, self.count + 1)]
        return tuple(self.model_copy(update={"name": name, "count": 1}) for name in names)

    @model_validator(mode="after")
    def _different_tasks(self) -> "ClientSection":
        twice = [task for task, count in Counter(self.tasks).items() if count > 1]
        if twice:
            raise ValueError(f"each task once; found `{twice[0]}` twice")
        if self.leaves is not None and self.leaves < self.joins:
            raise ValueError(f"`leaves` should be at least {self.joins}, where it joins; found {self.leaves}")
        return self
