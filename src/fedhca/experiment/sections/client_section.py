"""`clients` and `model`: who takes part, and with which architecture."""

from typing import Annotated, Any

from pydantic import Field

from fedhca.config.bounds import Number, Settings, Width
from fedhca.config.federation import ClientEntry, Model
from fedhca.config.owner import Owner
from fedhca.config.section import Section
from fedhca.models.encoder import SWIN_T

MOST = 10_000
"""Clients of a federation."""


class ModelSection(Model):
    """The architecture of all clients that have none of their own."""

    backbone: Annotated[str, Owner.SITE_IF_A_PATH] = SWIN_T
    pretrained: bool = True
    config: Settings = Field(default_factory=dict)


class OwnModelSection(Section):
    """In what a client's architecture differs from the others'; `config` of theirs is not for another backbone."""

    backbone: Annotated[str | None, Owner.SITE_IF_A_PATH] = None
    pretrained: bool | None = None
    config: Settings | None = None
    width: Width | None = None

    def over(self, model: ModelSection) -> ModelSection:
        """Return the client's architecture, given that of the others."""
        fresh: dict[str, Any] = {} if self.backbone is None else {"config": {}}
        return model.model_copy(update={**fresh, **self.model_dump(exclude_none=True)})


class ClientSection(ClientEntry):
    """One client, or `count` of them with numbered names; its model, if it is not everybody's."""

    count: Annotated[int, Field(ge=1, le=MOST), Number] = 1
    model: OwnModelSection | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all `count` clients: `name` alone, or `name-1`, `name-2` and so on."""
        return (self.name,) if self.count == 1 else tuple(f"{self.name}-{n}" for n in range(1, self.count + 1))

    @property
    def spelt_out(self) -> "tuple[ClientSection, ...]":
        """Each of the `count` clients on its own."""
        return tuple(self.model_copy(update={"name": name, "count": 1}) for name in self.names)
