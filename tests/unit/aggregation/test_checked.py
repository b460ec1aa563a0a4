"""Whatever tensor a public rule is given, it answers with finite numbers of its kind, or with one line."""

from collections.abc import Callable
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor

from fedhca import aggregation
from fedhca.aggregation import Aggregator, HyperOptions, HyperWeights, Member, Mixing, Rows, Trimming, apply_among
from fedhca.errors import FedhcaError, RecipeError
from fedhca.wire.layout import Layout

UPDATES = torch.tensor([[1.0, 2.0, 0.0], [0.5, -1.0, 3.0], [2.0, 2.0, 1.0]])


def rows(given: Tensor) -> Rows:
    m, w = 3, 3
    members = tuple(Member(f"client{i}", "data", ("depth",)) for i in range(m))
    start = torch.zeros_like(given) if isinstance(given, Tensor) else given
    return Rows(start, given, members, Layout.of({"a.weight": (w,)}))


def ruled(rule: Aggregator) -> Callable[[Tensor], Tensor]:
    return lambda given: rule.apply(rule.init(rows(given)), rows(given)).rows


def stepped(given: Tensor) -> Tensor:
    at_rest = HyperWeights.start(0.1, (3, 3))
    return at_rest.step(given, torch.ones(3, 3), HyperOptions()).value


FACTORIES = {
    name: getattr(aggregation, name)
    for name in aggregation.__all__
    if name[0].islower() and name not in ("apply_among", "conflict_averse", "cross_attention")
}
RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "conflict_averse": aggregation.conflict_averse,
    "cross_attention": aggregation.cross_attention,
    "HyperWeights": lambda given: HyperWeights(given, given).used,
    "HyperWeights.step": stepped,
    "apply_among": lambda given: apply_among(aggregation.mean(), {}, rows(given), torch.ones(3, dtype=torch.bool)).rows,
    "Mixing": lambda given: Mixing("weights", torch.eye(3)[None]).of(rows(given)).rows,
    "Trimming": lambda given: Trimming(1).of(rows(given)).rows,
    **{name: ruled(make()) for name, make in FACTORIES.items()},
}
BAD: dict[str, Any] = {
    "whole numbers": UPDATES.long(),
    "truth values": UPDATES > 0,
    "complex": UPDATES.to(torch.complex64),
    "sparse": UPDATES.to_sparse(),
    "a list": UPDATES.tolist(),
    "an array": UPDATES.numpy(),
    "nothing": None,
    "one dimension": UPDATES[0],
    "three dimensions": UPDATES[None],
    "no rows": UPDATES[:0],
    "NaN": UPDATES.where(UPDATES != 3, torch.nan),
    "infinity": UPDATES.where(UPDATES != 3, torch.inf),
}

RIGHT = {
    "HyperWeights": {"one dimension", "three dimensions", "no rows"},  # weights are of any shape
    "Mixing": {"NaN", "infinity"},  # where all keep their own rows, as here, they keep every bit
    "keep": {"NaN", "infinity"},
}


@pytest.fixture(autouse=True)
def _no_checks_of_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users' types are not checked."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_every_public_rule_is_tried() -> None:
    types = {"Aggregator", "Answer", "Decision", "HyperOptions", "Member", "Rows", "State"}
    assert {*RULES, *types} - {"HyperWeights.step"} == {*aggregation.__all__}


@pytest.mark.parametrize(
    ("rule", "bad"), [(rule, bad) for rule in RULES for bad in BAD if bad not in RIGHT.get(rule, ())]
)
def test_what_is_no_matrix_of_finite_numbers_is_refused_in_one_line(rule: str, bad: str) -> None:
    with pytest.raises(FedhcaError, match=r"should be .*\. Found .*\.$"):
        RULES[rule](BAD[bad])


@pytest.mark.parametrize("rule", RULES)
def test_rows_with_gradients_are_answered_without(rule: str) -> None:
    wanted, found = RULES[rule](UPDATES), RULES[rule](UPDATES.clone().requires_grad_())
    assert torch.equal(found, wanted)
    assert not found.requires_grad


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_numbers_are_answered_in_kind(rule: str, kind: torch.dtype) -> None:
    found = RULES[rule](UPDATES.to(kind))
    assert found.dtype == (torch.float64 if rule == "HyperWeights.step" else kind)  # that of the weights
    assert found.isfinite().all()


def test_whose_rows_are_not_finite_is_said() -> None:
    with pytest.raises(RecipeError, match=r"^Rows should be finite. Found NaN or infinity in those of client1\.$"):
        ruled(aggregation.krum())(BAD["NaN"])


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_mix_beyond_what_rows_can_hold_is_refused(kind: torch.dtype) -> None:
    """In the loops, and in torch's operations, which bfloat16 takes."""
    huge = (UPDATES / 3 * torch.finfo(kind).max).to(kind)
    twice = Mixing("weights", 2 * torch.eye(3)[None])
    with pytest.raises(FedhcaError, match="Mixed parameters should be finite"):
        twice.of(rows(huge))
    assert twice.of(rows(huge / 4)).rows.isfinite().all()
