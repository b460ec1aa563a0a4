"""`training`, `sent`, `guard`, `privacy`: how clients train, and what becomes of what they send."""

from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from fedhca.client.training import Precision
from fedhca.compression import Form
from fedhca.experiment.places import Local
from fedhca.section import Section


class TrainingSection(Section):
    """How clients train; see `fedhca.Training`."""

    batch_size: PositiveInt = 8
    learning_rate: PositiveFloat = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    warmup_epochs: NonNegativeInt = 5
    warmup_learning_rate: PositiveFloat | None = None
    final_learning_rate: PositiveFloat | None = None
    clip_norm: PositiveFloat | None = None
    precision: Precision = "auto"
    compile: bool = False
    workers: Annotated[NonNegativeInt, Local.ALWAYS] = 0


class SentSection(Section):
    """In what form parameters travel; one word is for both directions. See `fedhca.compression`."""

    down: Form = "float32"
    up: Form = "float32"

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"down": value, "up": value} if isinstance(value, str) else value


class GuardSection(Section):
    """How long an update may be, in medians of the round; see `fedhca.Guard`."""

    bound: Annotated[float, Field(ge=1)] | None = None
    reject: Annotated[float, Field(gt=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "GuardSection":
        if self.bound is not None and self.reject is not None and self.reject <= self.bound:
            raise ValueError(f"`reject` should be above `bound`, {self.bound}; found {self.reject}")
        return self


class PrivacySection(Section):
    """How every client's answers are blurred; see `fedhca.Privacy`."""

    clip: PositiveFloat
    noise: Annotated[float, Field(ge=0)]
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    metrics: bool = False
