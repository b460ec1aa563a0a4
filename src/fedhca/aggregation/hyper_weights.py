"""Hyper Aggregation Weights, eqs. (14)–(17): how much of the aggregated direction each participant takes."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fedhca.aggregation.checked import finite
from fedhca.errors import RecipeError, unknown

Bounds = Literal["project", "clamp"]
HyperGradient = Literal["cosine", "raw"]
HYPER_GRADIENTS = ("cosine", "raw")


@dataclass(frozen=True)
class HyperOptions:
    """How hyper weights learn.

    Attributes:
        learning_rate: η of (17).
        momentum: of the SGD step; 0.9 in the released code.
        weight_decay: of the SGD step; 1e-4 in the released code.
        gradient: `raw`: ⟨direction, progress⟩ as printed in (17), which grows with the size of the model and its
            steps; `cosine`: that over ‖direction‖·‖progress‖, so that one learning rate serves every size.
        bounds: `project`: the weight itself is put back into [0, 1] after the step; `clamp`: only its use is, and
            outside the closed interval its gradient is 0 (the released code's dead zone).

    """

    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    gradient: HyperGradient = "cosine"
    bounds: Bounds = "project"

    def __post_init__(self) -> None:
        if self.gradient not in HYPER_GRADIENTS:
            raise RecipeError(unknown("hyper_gradient", self.gradient, HYPER_GRADIENTS))
        if self.bounds not in ("project", "clamp"):
            raise RecipeError(unknown("bounds", self.bounds, ("project", "clamp")))
        for name in ("learning_rate", "momentum", "weight_decay"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                expected = f"Parameter `hyper_{name}` should be a number, at least 0."
                raise RecipeError(f"{expected} Found `hyper_{name} = {value}`.")

    def scaled(self, product: Float[Tensor, "m *l"], norms: Float[Tensor, "m *l"]) -> Float[Tensor, "m *l"]:
        """Return an inner product as (17) takes it: over both lengths under `cosine`, 0 where either is 0."""
        if self.gradient == "raw":
            return product
        return torch.where(norms > 0, product / norms.clamp_min(torch.finfo(norms.dtype).tiny), 0.0)


@dataclass(frozen=True)
class HyperWeights:
    """Weights α [m], or β [m, l] (one per decoder and layer), and the momentum of their SGD."""

    value: Float[Tensor, "m *l"]
    momentum: Float[Tensor, "m *l"]

    def __post_init__(self) -> None:
        """Refuse what is not finite, or of two shapes."""
        shape = getattr(self.value, "shape", None)
        for name in ("value", "momentum"):
            object.__setattr__(self, name, finite(getattr(self, name), name, shape))

    @classmethod
    def start(cls, value: float, shape: tuple[int, ...]) -> "HyperWeights":
        """All weights equal to `value`, at rest."""
        if not 0 <= value <= 1:
            raise RecipeError(f"Hyper weights should start in [0, 1]. Found {value}.")
        full = torch.full(shape, value, dtype=torch.float64)
        return cls(full, torch.zeros_like(full))

    @property
    def used(self) -> Float[Tensor, "m *l"]:
        """The weights as (14) uses them, within [0, 1]."""
        return self.value.clamp(0, 1)

    def step(
        self,
        product: Float[Tensor, "m *l"],
        norms: Float[Tensor, "m *l"],
        options: HyperOptions,
        learns: Bool[Tensor, "m *l"] | None = None,
    ) -> "HyperWeights":
        """Learn from the progress made this round, eq. (17): one SGD step with gradient −⟨direction, progress⟩.

        Args:
            product: ⟨direction handed out last round, progress made this round⟩.
            norms: the product of both lengths, used by the `cosine` gradient (0 where either is 0).
            options: see there.
            learns: which weights do; the others, and their momentum, stay as they are. All if not given.

        Raises:
            RecipeError: product or norms are not finite numbers of the weights' shape.

        """
        shape = self.value.shape
        gradient = -options.scaled(finite(product, "product", shape), finite(norms, "norms", shape))
        if options.bounds == "clamp":
            gradient = torch.where((self.value < 0) | (self.value > 1), 0.0, gradient)
        stepped = self._sgd(gradient, options)
        stepped = replace(stepped, value=stepped.used) if options.bounds == "project" else stepped
        if learns is None:
            return stepped
        chosen = (torch.where(learns, new, old) for new, old in zip(stepped._both, self._both, strict=True))
        return HyperWeights(*chosen)

    @property
    def _both(self) -> tuple[Float[Tensor, "m *l"], Float[Tensor, "m *l"]]:
        return self.value, self.momentum

    def _sgd(self, gradient: Float[Tensor, "m *l"], options: HyperOptions) -> "HyperWeights":
        value = torch.nn.Parameter(self.value.clone())
        value.grad = gradient.to(value)
        sgd = torch.optim.SGD(
            [value], lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
        )
        momentum = self.momentum.clone()
        sgd.state[value]["momentum_buffer"] = momentum
        sgd.step()
        return HyperWeights(value.detach(), momentum)
