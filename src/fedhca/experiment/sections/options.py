"""`training`, `sent`, `guard`, `privacy`: how clients train, and what becomes of what they send."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from fedhca.bounds import Count, NotNegative, Number, Positive, Share
from fedhca.client.training import Precision
from fedhca.compression import Form
from fedhca.experiment.places import Local
from fedhca.section import Section


class TrainingSection(Section):
    """How clients train; see `fedhca.Training`."""

    batch_size: Count = 8
    learning_rate: Positive = 1e-4
    weight_decay: NotNegative = 1e-4
    warmup_epochs: Annotated[int, Field(ge=0, le=1_000_000), Number] = 5
    warmup_learning_rate: Positive | None = None
    final_learning_rate: Positive | None = None
    clip_norm: Positive | None = None
    precision: Precision = "auto"
    compile: bool = False
    workers: Annotated[int, Field(ge=0, le=256), Number, Local.ALWAYS] = 0


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

    bound: Annotated[float, Field(ge=1, le=1e9, examples=[2]), Number] | None = None
    reject: Annotated[float, Field(gt=1, le=1e9, examples=[10]), Number] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "GuardSection":
        if self.bound is not None and self.reject is not None and self.reject <= self.bound:
            raise ValueError(f"`reject` should be above `bound`, {self.bound}; found {self.reject}")
        return self


class PrivacySection(Section):
    """How every client's answers are blurred; see `fedhca.Privacy`."""

    clip: Positive
    noise: NotNegative
    delta: Share = 1e-5
    metrics: bool = False
