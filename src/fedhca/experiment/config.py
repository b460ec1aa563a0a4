"""The recipe: everything an experiment depends on, validated before anything is built."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from fedhca.bounds import Count, Positive, Seconds, Seed
from fedhca.experiment.places import Local
from fedhca.experiment.sections.client import MOST, ClientSection, ModelSection
from fedhca.experiment.sections.data import AnyData
from fedhca.experiment.sections.method import MethodSection
from fedhca.experiment.sections.options import GuardSection, PrivacySection, SentSection, TrainingSection
from fedhca.section import Name, Section
from fedhca.server.policy import OnMissing


class Recipe(Section):
    """One experiment.

    Attributes:
        description: one line for people.
        seed: everything random derives from it.
        rounds: rounds of the federation.
        evaluate_every: rounds between evaluations; the last round is always evaluated.
        checkpoint_every: rounds between checkpoints; the last round is always saved.
        on_missing: what to do about a client that does not answer: `fail`, `keep` or `wait`; see `fedhca.Policy`.
        min_clients: how many have to answer for a round to count, under `keep`.
        timeout: seconds a client has for one answer, over a network.
        guard: how long an update may be, in medians of the round: to be shortened (`bound`), or refused (`reject`).
        method: how the server mixes.
        model: the architecture.
        training: how clients train.
        weights: factors of task losses that replace the paper's.
        datasets: by name.
        clients: in order.
        device: `auto`, `cpu` or `cuda`.
        states: where clients' states and the server's rows are between rounds: in `memory`, or on `disk` alone.
        sent: in what form parameters travel, `down` to clients and `up` from them: `float32`, `bfloat16` or `int8`.
        privacy: how every client's answers are blurred; not at all if not given.

    """

    description: str = ""
    seed: Seed = 0
    rounds: Count = 100
    evaluate_every: Count = 10
    checkpoint_every: Count = 1
    on_missing: OnMissing = "fail"
    min_clients: Count = 1
    timeout: Seconds | None = None
    guard: GuardSection = GuardSection()
    method: MethodSection = MethodSection.model_validate({})
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    weights: dict[str, Positive] = Field(default_factory=dict)
    datasets: dict[Name, AnyData]
    clients: Annotated[tuple[ClientSection, ...], Field(min_length=1)]
    device: Annotated[Literal["auto", "cpu", "cuda"], Local.ALWAYS] = "auto"
    states: Literal["memory", "disk"] = "memory"
    sent: SentSection = SentSection()
    privacy: PrivacySection | None = None

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
        if self.states == "disk" and self.checkpoint_every > 1:
            raise ValueError(f"`states: disk` needs `checkpoint_every: 1`; found {self.checkpoint_every}")
        twice = [name for name, count in Counter(each.name for each in self.roster).items() if count > 1]
        if twice:
            raise ValueError(f"client names should be unique; found two clients '{twice[0]}'; rename one")
        return self

    @property
    def roster(self) -> tuple[ClientSection, ...]:
        """The clients with `count` spelt out: `name` alone, or `name-1`, `name-2` and so on."""
        return tuple(each for client in self.clients for each in client.spelt_out)

    def model_of(self, client: ClientSection) -> ModelSection:
        """Return a client's architecture."""
        return self.model if client.model is None else client.model.over(self.model)
