"""The catalogue of methods: an encoder rule, a decoder rule and a local rule each.

Every method is a function of its options, so its signature is the list of what a recipe may set. To add one, write the
function and its name in METHODS.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError, validate_call

from fedhca.aggregation import (
    Aggregator,
    HyperOptions,
    common_step,
    coordinate_median,
    cross_group,
    dynamic_groups,
    geometric_median,
    gradient_surgery,
    hyper_conflict_averse,
    hyper_cross_attention,
    keep,
    krum,
    mean,
    message_passing,
    own_norms,
    trimmed_mean,
    weighted_sum,
)
from fedhca.aggregation.conflict_averse import Solver
from fedhca.aggregation.cross_attention import Logits
from fedhca.aggregation.dynamic_groups import Signal
from fedhca.aggregation.groups import Grouping
from fedhca.aggregation.hyper_weights import Bounds, HyperGradient
from fedhca.aggregation.mean import Scope
from fedhca.aggregation.message_passing import Kernel
from fedhca.config.validation import describe
from fedhca.errors import RecipeError, unknown
from fedhca.wire.messages import LocalRule

Robust = Literal["own", "all"]
"""What a robust method does with decoders. `own`: they stay home, as what is not mixed cannot be poisoned, and decoders
of different tasks have no middle that means anything. `all`: the rule of the encoders mixes them, too."""


@dataclass(frozen=True)
class Method:
    """How a federation learns.

    Attributes:
        name: of the method.
        encoder: what the server does to encoders.
        decoder: what it does to decoders.
        local: what it asks of clients.
        options: those it was made with, for the record.

    """

    name: str
    encoder: Aggregator
    decoder: Aggregator
    local: LocalRule = field(default_factory=LocalRule)
    options: Mapping[str, Any] = field(default_factory=dict)

    def rule(self, part: Literal["encoder", "decoder"]) -> Aggregator:
        """Return what the server does to encoders, or to decoders."""
        return self.encoder if part == "encoder" else self.decoder


def local() -> Method:
    """Every client alone; nothing is mixed. The reference of Δm."""
    return Method("local", keep(), keep())


def fedavg(*, decoder_scope: Scope = "all", by_examples: bool = False) -> Method:
    """One average of all encoders and one of all decoders (McMahan et al., AISTATS 2017)."""
    return Method("fedavg", mean(by_examples=by_examples), mean(scope=decoder_scope, by_examples=by_examples))


def fedprox(*, mu: float = 0.01, decoder_scope: Scope = "all", by_examples: bool = False) -> Method:
    """FedAvg with a pull to what was received: μ(w − received) in the gradient (Li et al., MLSys 2020)."""
    rules = fedavg(decoder_scope=decoder_scope, by_examples=by_examples)
    return replace(rules, name="fedprox", local=LocalRule(pull=_at_least_0("mu", mu)))


def fedper(*, by_examples: bool = False) -> Method:
    """One average of all encoders; decoders stay home (Arivazhagan et al., 2019)."""
    return Method("fedper", mean(by_examples=by_examples), keep())


def ditto(*, pull: float = 0.1, decoder_scope: Scope = "all", by_examples: bool = False) -> Method:
    """FedAvg, and at each client a second model of its own with the pull λ(v − received) (Li et al., ICML 2021)."""
    rules = fedavg(decoder_scope=decoder_scope, by_examples=by_examples)
    return replace(rules, name="ditto", local=LocalRule(pull=_at_least_0("pull", pull), keeps="own"))


def fedamp(
    *,
    kappa: float = 0.5,
    tau: float = 1.0,
    pull: float = 0.1,
    kernel: Kernel = "scale_free",
    alpha: float = 1.0,
    sigma: float = 1.0,
) -> Method:
    """Each client trains from, and is pulled to, a mix of those near it (FedAMP; Huang et al., AAAI 2021)."""
    rule = message_passing(kappa=kappa, tau=tau, kernel=kernel, alpha=alpha, sigma=sigma)
    return Method("fedamp", rule, rule, LocalRule(pull=_at_least_0("pull", pull), keeps="trained"))


def matfl(*, groups: int = 2, soft: bool = False, threshold: float = 0.0, signal: Signal = "weights") -> Method:
    """Encoders average within groups found anew each round; decoders stay home (MaT-FL; Cai et al., CVPRW 2023)."""
    return Method("matfl", dynamic_groups(groups=groups, soft=soft, threshold=threshold, signal=signal), keep())


def fedrep(*, heads_first: float = 0.5, by_examples: bool = False) -> Method:
    """FedPer that trains decoders and heads first, then the encoder alone (Collins et al., ICML 2021)."""
    if not 0 <= heads_first <= 1:
        raise RecipeError(f"Parameter `heads_first` should be in [0, 1]. Found `heads_first = {heads_first}`.")
    return replace(fedper(by_examples=by_examples), name="fedrep", local=LocalRule(heads_first=heads_first))


def fedbn(*, by_examples: bool = False) -> Method:
    """FedAvg of everything but normalisation layers, which stay home (Li et al., ICLR 2021)."""
    rule = own_norms(by_examples=by_examples)
    return Method("fedbn", rule, rule)


def pcgrad() -> Method:
    """Encoders take the mean update freed of conflicts (PCGrad; Yu et al., NeurIPS 2020); decoders stay home."""
    return Method("pcgrad", gradient_surgery(), keep())


def cagrad(*, c: float = 0.4, rescale: bool = True) -> Method:
    """Encoders take one conflict-averse step for all (CAGrad; Liu et al., NeurIPS 2021); decoders stay home."""
    return Method("cagrad", common_step(c=c, rescale=rescale), keep())


def colnet(*, c: float = 0.4, alpha: float = 0.1, rescale: bool = True) -> Method:
    """Means within groups of one task set, conflict-averse between groups (ColNet; Feng et al., 2025)."""
    return Method("colnet", cross_group(c=c, alpha=alpha, rescale=rescale), mean(scope="same_task"))


def fedhca2(
    *,
    c: float = 0.4,
    alpha: float = 0.1,
    beta: float = 0.1,
    solver: Solver = "exact",
    rescale: bool = True,
    groups: Grouping = "equal",
    logits: Logits = "cosine",
    temperature: float = 1.0,
    hyper_learning_rate: float = 0.01,
    hyper_momentum: float = 0.9,
    hyper_weight_decay: float = 1e-4,
    hyper_gradient: HyperGradient = "cosine",
    bounds: Bounds = "project",
) -> Method:
    """FedHCA² (CVPR 2024) as its equations say: exact scale-free solve, projected weights, groups by equality."""
    hyper = HyperOptions(hyper_learning_rate, hyper_momentum, hyper_weight_decay, hyper_gradient, bounds)
    return Method(
        "fedhca2",
        hyper_conflict_averse(c=c, alpha=alpha, solver=solver, rescale=rescale, groups=groups, hyper=hyper),
        hyper_cross_attention(beta=beta, logits=logits, temperature=temperature, hyper=hyper),
    )


def official(
    *,
    c: float = 0.4,
    alpha: float = 0.1,
    beta: float = 0.1,
    hyper_learning_rate: float = 0.01,
    hyper_momentum: float = 0.9,
    hyper_weight_decay: float = 1e-4,
) -> Method:
    """FedHCA² as the released code computes it, quirks included, to float32 accuracy."""
    mended = fedhca2(
        c=c,
        alpha=alpha,
        beta=beta,
        solver="official",
        groups="adjacent",
        logits="raw",
        hyper_learning_rate=hyper_learning_rate,
        hyper_momentum=hyper_momentum,
        hyper_weight_decay=hyper_weight_decay,
        hyper_gradient="raw",
        bounds="clamp",
    )
    return replace(mended, name="official")


def fedhca2_sum(*, weight: float = 0.1, hyper_learning_rate: float = 0.01) -> Method:
    """FedHCA² whose decoders are a plain learnable weighted sum: eqs. (10)–(11) instead of cross attention."""
    hyper = HyperOptions(hyper_learning_rate)
    return replace(fedhca2(), name="fedhca2_sum", decoder=weighted_sum(weight=weight, hyper=hyper))


def median(*, decoder_scope: Robust = "own") -> Method:
    """Encoders take the coordinate-wise median (Yin et al., ICML 2018)."""
    return _robust("median", coordinate_median(), decoder_scope)


def trimmed(*, share: float = 0.2, decoder_scope: Robust = "own") -> Method:
    """Encoders take the coordinate-wise mean without a share of extremes at either end (Yin et al., ICML 2018)."""
    return _robust("trimmed", trimmed_mean(share=share), decoder_scope)


def multikrum(*, byzantine: int | None = None, decoder_scope: Robust = "own") -> Method:
    """Encoders take the mean of those that lie closest together (Multi-Krum; Blanchard et al., NeurIPS 2017)."""
    return _robust("multikrum", krum(byzantine=byzantine), decoder_scope)


def rfa(*, decoder_scope: Robust = "own") -> Method:
    """Encoders take the geometric median (RFA; Pillutla et al., IEEE TSP 2022)."""
    return _robust("rfa", geometric_median(), decoder_scope)


def _robust(name: str, rule: Aggregator, scope: Robust) -> Method:
    return Method(name, rule, keep() if scope == "own" else rule)


METHODS: dict[str, Callable[..., Method]] = {
    method.__name__: method
    for method in (
        *(local, fedavg, fedprox, fedper, ditto, fedamp, matfl),
        *(fedhca2, official, fedhca2_sum),
        *(fedrep, fedbn, pcgrad, cagrad, colnet),
        *(median, trimmed, multikrum, rfa),
    )
}
"""The rivals of the paper before FedHCA², then its variants, then other methods, then the robust ones."""


def make_method(name: str, *, encoder: str | None = None, decoder: str | None = None, **options: Any) -> Method:
    """Build a method by name.

    Args:
        name: a name of METHODS.
        encoder: take the encoder rule of this method (at its defaults) instead: an ablation.
        decoder: likewise for the decoder rule; `make_method("fedhca2", decoder="local")` mixes encoders only.
        options: the method's own options.

    Raises:
        RecipeError: a name or an option does not exist, or a value is outside its range.

    """
    method = _call(name, options)
    if encoder is not None:
        method = replace(method, encoder=_call(encoder, {}).encoder)
    if decoder is not None:
        method = replace(method, decoder=_call(decoder, {}).decoder)
    chosen = {"encoder": encoder, "decoder": decoder, **options}
    return replace(method, options={name: value for name, value in chosen.items() if value is not None})


def _at_least_0(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise RecipeError(f"Parameter `{name}` should be a number, at least 0. Found `{name} = {value}`.")
    return value


def _call(name: str, options: dict[str, Any]) -> Method:
    if name not in METHODS:
        raise RecipeError(unknown("method", name, METHODS))
    try:
        return validate_call(METHODS[name])(**options)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        if first["type"] == "unexpected_keyword_argument":
            known = METHODS[name].__annotations__.keys() - {"return"}
            raise RecipeError(f"{unknown(f'option of {name}', option, known)}") from None
        made: Any = METHODS[name]
        raise RecipeError(f"Method {name}: {describe(error, TypeAdapter(made).json_schema(), options)}") from None
