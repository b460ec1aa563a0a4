"""A model with its optimiser, and the steps of one round."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from fedhca.client.home_tensors import MOMENTS, home_tensors, load_home_tensors
from fedhca.client.samples import Batch
from fedhca.client.training import optimise, require_finite_losses, set_rate
from fedhca.config.federation import Training
from fedhca.errors import ClientError, RecipeError
from fedhca.models.client_model import ClientModel
from fedhca.tasks.task import Task
from fedhca.wire.messages import LocalRule
from fedhca.wire.parameters import Parameters, not_finite

Epoch = tuple[float, Iterator[Batch]]
"""Learning rate and batches of one local epoch."""


class Trainer:
    """A model, its optimiser, and what it has learnt; the moments go on from round to round.

    Args:
        model: on the device it trains on.
        tasks: of the model.
        training: how it trains.

    Raises:
        RecipeError: the model should be compiled, and there is no compiler.

    """

    def __init__(self, model: ClientModel, tasks: Sequence[Task], training: Training) -> None:
        self.model, self.tasks, self.training = model, tuple(tasks), training
        self.device = next(model.parameters()).device
        if training.compile:
            _require_compiler(self.device)
            model.compile()
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )

    def train(
        self,
        epochs: Iterable[Epoch],
        steps: int,
        rule: LocalRule,
        anchor: Parameters,
        *,
        where: str,
        on_step: Callable[[int, Mapping[str, float]], None] = lambda step, losses: None,
        to_the_end: bool = False,
    ) -> dict[str, float]:
        """Take all steps of one round and return the mean loss of each task.

        Args:
            epochs: of the round.
            steps: in all of them together.
            rule: whose pull and order of training are followed.
            anchor: what the pull is towards.
            where: client and round, for errors.
            on_step: is told of each step and its losses.
            to_the_end: take all steps, even after a loss that is not finite: how long it takes then tells nothing.

        Raises:
            ClientError: a loss, a parameter, a buffer or a moment is not finite.

        """
        totals, taken = dict.fromkeys((task.name for task in self.tasks), 0.0), 0
        self.model.train()
        for rate, batches in epochs:
            set_rate(self.optimiser, rate)
            for part, frozen in self._parts(batches, int(rule.heads_first * steps) - taken, rule):
                for losses in self._steps(part, rule.pull, anchor, frozen, where, to_the_end):
                    taken += 1
                    totals = {name: total + losses[name] for name, total in totals.items()}
                    on_step(taken, losses)
        require_finite_losses(totals, where)
        self._require_finite(where)
        return {name: total / taken for name, total in totals.items()}

    def state(self) -> dict[str, Tensor]:
        """Return what does not travel, by name."""
        return home_tensors(self.model, self.optimiser)

    def swap_in(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `state` or `swap_out` returned; moments are taken over, not copied."""
        load_home_tensors(tensors, self.model, self.optimiser, moves=True)

    def swap_out(self) -> dict[str, Tensor]:
        """Return what does not travel, and part with it: moments are handed over, not copied."""
        state = self.state()
        self.optimiser.state.clear()
        return {name: value if name.startswith(MOMENTS) else value.detach().clone() for name, value in state.items()}

    def _parts(
        self, batches: Iterator[Batch], heads_left: int, rule: LocalRule
    ) -> Iterator[tuple[Iterator[Batch], Collection[nn.Parameter]]]:
        """Split an epoch into what trains decoders and heads and what trains the encoder; each with what is frozen."""
        if rule.heads_first == 0:
            yield batches, ()
            return
        encoder = set(self.model.encoder.parameters())
        yield islice(batches, max(0, heads_left)), encoder
        yield batches, [each for each in self.model.parameters() if each not in encoder]

    def _steps(
        self,
        batches: Iterator[Batch],
        pull: float,
        anchor: Parameters,
        frozen: Collection[nn.Parameter],
        where: str,
        to_the_end: bool,
    ) -> Iterator[dict[str, float]]:
        setting = self.training
        return optimise(
            self.model,
            self.tasks,
            self.optimiser,
            batches,
            pull=pull,
            anchor=tuple(self.model.received(anchor)) if pull else (),
            frozen=frozen,
            clip_norm=setting.clip_norm,
            autocast=setting.precision == "bfloat16" or (setting.precision == "auto" and self.device.type == "cuda"),
            where=where,
            to_the_end=to_the_end,
        )

    def _require_finite(self, where: str) -> None:
        """Look at all that is sent, saved or predicted with: parameters, buffers and the optimiser's moments."""
        broken = not_finite({**dict(self.model.named_parameters()), **self.state()})
        if broken is not None:
            mend = "Lower `learning_rate`, or set `clip_norm`."
            raise ClientError(f"The update should be finite. Found NaN or infinity in `{broken}` at {where}. {mend}")


def _require_compiler(device: torch.device) -> None:
    """Compile next to nothing: what is missing shows at once, in one line, and not in the midst of a round."""
    try:
        torch.compile(torch.neg)(torch.ones(1, device=device))
    except Exception as error:  # torch raises whatever its compilers raise
        cause = str(error).strip().partition("\n")[0] or type(error).__name__
        mend = "Install a C++ compiler (for CUDA: Triton), or leave `compile` out."
        raise RecipeError(f"`compile: true` should find a compiler. Found none that works: {cause}. {mend}") from error
