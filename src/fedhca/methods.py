"""The catalogue of methods: an encoder rule, a decoder rule and a local rule each.

Every method is a function of its options, so its signature is the list of what a recipe may set. To add one, write the
function and a line in METHODS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError, validate_call

from fedhca.aggregation import HyperOptions, hyper_conflict_averse, hyper_cross_attention, keep, mean
from fedhca.aggregation.aggregator import Aggregator
from fedhca.aggregation.conflict_averse import Solver
from fedhca.aggregation.cross_attention import Logits
from fedhca.aggregation.groups import Grouping
from fedhca.aggregation.hyper_weights import Bounds, HyperGradient
from fedhca.aggregation.mean import Scope
from fedhca.errors import RecipeError, unknown
from fedhca.messages import LocalRule


@dataclass(frozen=True)
class Method:
    """How a federation learns.

    Attributes:
        name: of the method.
        encoder: what the server does to encoders.
        decoder: what it does to decoders.
        local: what clients add to their loss.
        options: those it was made with, for the record.

    """

    name: str
    encoder: Aggregator
    decoder: Aggregator
    local: LocalRule = field(default_factory=LocalRule)
    options: Mapping[str, Any] = field(default_factory=dict)


def local() -> Method:
    """Every client alone; nothing is mixed. The reference of Δm."""
    return Method("local", keep(), keep())


def fedavg(*, decoder_scope: Scope = "all", by_examples: bool = False) -> Method:
    """One average of all encoders and one of all decoders (McMahan et al., AISTATS 2017)."""
    return Method("fedavg", mean(by_examples=by_examples), mean(scope=decoder_scope, by_examples=by_examples))


def fedhca2(
    *,
    c: float = 0.4,
    alpha: float = 0.1,
    beta: float = 0.1,
    solver: Solver = "exact",
    rescale: bool = True,
    groups: Grouping = "equal",
    logits: Logits = "cosine",
    temperature: float = 0.25,
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


METHODS: dict[str, Callable[..., Method]] = {
    "local": local,
    "fedavg": fedavg,
    "fedhca2": fedhca2,
    "official": official,
}


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
        raise RecipeError(f"Option `{option}` of method {name}: {first['msg']}. Found {first['input']!r}.") from None
