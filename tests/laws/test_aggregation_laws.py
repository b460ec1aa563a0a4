"""One table of rules, with the laws each claims; every law is tried on the whole zoo of rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fedhca.aggregation import (
    Aggregator,
    Answer,
    HyperOptions,
    Member,
    Rows,
    State,
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
    passes,
    trimmed_mean,
    weighted_sum,
)
from fedhca.aggregation.conflict_averse import Solver
from fedhca.aggregation.groups import Grouping
from fedhca.aggregation.mean import Scope
from fedhca.wire.layout import Layout
from rules import rules_of_the_package

RAW = HyperOptions(gradient="raw", bounds="clamp")
FEW = settings(max_examples=8)

MADE: Mapping[str, partial[Aggregator]] = {
    "keep": partial(keep),
    "mean": partial(mean),
    "mean by examples": partial(mean, by_examples=True),
    "mean of same task": partial(mean, scope="same_task"),
    "mean of same task and data, by examples": partial(mean, scope="same_task_and_data", by_examples=True),
    "conflict averse": partial(hyper_conflict_averse),
    "conflict averse, no groups, far": partial(hyper_conflict_averse, c=0.9, rescale=False, groups="off"),
    "conflict averse, no radius, raw": partial(hyper_conflict_averse, c=0.0, hyper=RAW),
    "conflict averse, official": partial(hyper_conflict_averse, solver="official", groups="adjacent", hyper=RAW),
    "message passing": partial(message_passing),
    "message passing, wide": partial(message_passing, kappa=1.0, tau=10.0),
    "message passing, raw": partial(message_passing, kernel="raw"),
    "two dynamic groups": partial(dynamic_groups),
    "three dynamic groups, by updates": partial(dynamic_groups, groups=3, signal="updates"),
    "dynamic groups, soft": partial(dynamic_groups, soft=True, threshold=0.3),
    "own norms": partial(own_norms, by_examples=True),
    "gradient surgery": partial(gradient_surgery),
    "common step": partial(common_step),
    "common step, far": partial(common_step, c=0.9, rescale=False),
    "cross group": partial(cross_group),
    "cross group, mean only": partial(cross_group, alpha=0.0),
    "weighted sum": partial(weighted_sum),
    "weighted sum, raw": partial(weighted_sum, weight=0.9, hyper=RAW),
    "cross attention": partial(hyper_cross_attention),
    "cross attention, sharp": partial(hyper_cross_attention, temperature=0.01, beta=0.8),
    "cross attention, official": partial(hyper_cross_attention, logits="raw", hyper=RAW),
    "coordinate median": partial(coordinate_median),
    "trimmed mean": partial(trimmed_mean, share=0.3),
    "krum": partial(krum),
    "geometric median": partial(geometric_median),
}
"""Rules, and options that make a difference to a law. A new rule gets a line here, and with it every law of ALL."""
RULES: Mapping[str, Aggregator] = {name: make() for name, make in MADE.items()}

ALL = set(RULES)
TRIMMING = {"coordinate median", "trimmed mean"}
ROBUST = TRIMMING | {"krum", "geometric median"}
WEIGHTS = ROBUST | {
    name
    for name in RULES
    if name.startswith(("keep", "mean", "message", "two", "three", "dynamic", "own")) and "raw" not in name
}
SEES_SCALE = {
    "conflict averse, official",
    "cross attention, official",
    "conflict averse, no radius, raw",
    "message passing, raw",
    "weighted sum, raw",
}
LAWS: Mapping[str, set[str]] = {
    "finite": ALL,
    "pure": ALL,
    "tensors only": ALL,
    "reproduced by its matrix": ALL - TRIMMING,  # which averages others in each coordinate
    "any stretch": ALL,
    "any arithmetic": ALL - {"conflict averse, official"},  # SLSQP stops where last digits tell it to
    "order and names": ALL - {"conflict averse, official"},  # SLSQP and adjacency see the order
    "scale": ALL - SEES_SCALE,  # raw inner products, logits and kernels do
    "sum to one": WEIGHTS,
    "of equal rows the row": WEIGHTS,
}


def claims(law: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", [pytest.param(RULES[name], id=name) for name in RULES if name in LAWS[law]])


def play(rule: Aggregator, first: Rows, rounds: int = 3) -> list[Answer]:
    """Apply the rule round after round, with the same updates from where it left everyone."""
    moves = first.end - first.start
    answers = [rule.apply(rule.init(first), first)]
    while len(answers) < rounds:
        now = answers[-1].rows
        answers.append(rule.apply(answers[-1].state, Rows(now, now + moves, first.members, first.layout)))
    return answers


def tensors(answer: Answer) -> dict[str, Tensor]:
    return {"rows": answer.rows, "matrix": answer.mixing.matrix, **answer.state, **answer.notes}


def bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(torch.uint8)


def copy(given: Rows, state: State) -> list[Tensor]:
    return [tensor.clone() for tensor in (given.start, given.end, *state.values())]


def close(found: Tensor, expected: Tensor, size: float, tolerance: float = 1e-6) -> None:
    assert found.shape == expected.shape
    assert float((found.double() - expected.double()).abs().max()) <= tolerance * size


def size(given: Rows) -> float:
    return float(max(given.start.abs().max(), given.end.abs().max()))


def test_every_rule_has_its_laws() -> None:
    assert {make.func for make in MADE.values()} == rules_of_the_package()


@claims("finite")
@FEW
@given(drawn=zoo.any_rows)
def test_every_answer_is_finite(rule: Aggregator, drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    for answer in play(rule, first):
        for name, tensor in tensors(answer).items():
            assert tensor.isfinite().all(), name


@claims("finite")
def test_every_animal_at_both_ends_is_finite(rule: Aggregator) -> None:
    for animal, exponent in product(zoo.ZOO, (-33, 33)):
        for answer in play(rule, zoo.rows(animal, exponent=exponent), rounds=2):
            assert all(tensor.isfinite().all() for tensor in tensors(answer).values()), (animal, exponent)


@claims("finite")
def test_updates_of_zero_answer_what_was_sent(rule: Aggregator) -> None:
    rows = zoo.rows("zero")
    answer = rule.apply(rule.init(rows), rows)
    if answer.mixing.what == "updates":
        assert torch.equal(answer.rows, rows.end)


@claims("pure")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_and_state_stay_as_they_were(rule: Aggregator, dtype: torch.dtype) -> None:
    rows = zoo.rows("random", dtype=dtype)
    state = rule.init(rows)
    for _ in range(3):
        before = copy(rows, state)
        first, second = rule.apply(state, rows), rule.apply(state, rows)
        assert all(torch.equal(a, b) for a, b in zip(before, copy(rows, state), strict=True))
        assert all(torch.equal(a, b) for a, b in zip(tensors(first).values(), tensors(second).values(), strict=True))
        first.rows.zero_()  # the answer is the caller's own
        assert all(torch.equal(a, b) for a, b in zip(before, copy(rows, state), strict=True))
        state = second.state


@claims("tensors only")
def test_state_and_notes_are_plain_tensors(rule: Aggregator) -> None:
    for answer in play(rule, zoo.rows("random")):
        for name, tensor in [*answer.state.items(), *answer.notes.items()]:
            assert type(tensor) is Tensor, name
            assert not tensor.requires_grad, name
            assert tensor.grad_fn is None, name


@claims("reproduced by its matrix")
@FEW
@given(drawn=zoo.any_rows)
def test_the_matrix_makes_the_answer(rule: Aggregator, drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    answer = rule.apply(rule.init(first), first)
    matrix, end = answer.mixing.matrix, first.end.double()
    assert matrix.dtype == torch.float64
    assert len(matrix) in {1, len(first.layout.segments)}
    dense = torch.empty_like(end)
    for number, segment in enumerate(first.layout.segments):
        here = range(segment.start, segment.stop)
        m = matrix[number if len(matrix) > 1 else 0]
        for column in here:
            moved = end[:, column] - first.start[:, column]
            base, heard = {
                "weights": (torch.zeros(()), end[:, column]),
                "updates": (end[:, column], moved),
                "steps": (first.start[:, column], moved),
            }[answer.mixing.what]
            dense[:, column] = base + (m * heard).sum(1)
    close(answer.rows, dense, max(size(first), float(dense.abs().max())), 2e-7)


@claims("any stretch")
@pytest.mark.parametrize("stretch", [1, 4, 1000])
def test_the_stretch_of_a_pass_does_not_matter(rule: Aggregator, stretch: int) -> None:
    rows = zoo.rows("random", 5)
    expected = play(rule, rows)[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "CHUNK", stretch)
        found = play(rule, replace(rows))[-1]  # rows that have not been asked for their products yet
    for name, tensor in tensors(expected).items():
        close(tensors(found)[name], tensor, max(1.0, float(tensor.abs().max())))


@claims("any stretch")
def test_the_number_of_threads_does_not_matter_to_the_last_bit(rule: Aggregator) -> None:
    rows, threads = zoo.rows("random", 5), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "CHUNK", 3)
        try:
            torch.set_num_threads(1)
            alone = tensors(play(rule, rows)[-1])
            torch.set_num_threads(3)
            shared = tensors(play(rule, replace(rows))[-1])
        finally:
            torch.set_num_threads(threads)
    assert all(torch.equal(shared[name], tensor) for name, tensor in alone.items())


@claims("any arithmetic")
@FEW
@given(animal=st.sampled_from(["random", "zero", "one zero among others"]), m=st.integers(1, 9), seed=zoo.seeds)
def test_machine_code_and_torch_agree(rule: Aggregator, animal: str, m: int, seed: int) -> None:
    rows = zoo.rows(animal, m, seed=seed)
    expected = tensors(play(rule, rows, rounds=2)[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes.Tables, "suit_loops", lambda tables, *others: False)
        found = tensors(play(rule, replace(rows), rounds=2)[-1])
    close(found["rows"], expected["rows"], size(rows))


@claims("any stretch")
def test_answers_may_be_written_over_what_was_sent_or_received(rule: Aggregator) -> None:
    for name in ("start", "end"):
        rows = zoo.rows("random", 5)
        plain = rule.apply(rule.init(rows), rows)
        moves = rows.end - rows.start
        rows = replace(rows, end=plain.rows + moves, start=plain.rows.clone())
        expected = tensors(rule.apply(plain.state, replace(rows)))
        into = getattr(rows, name)
        answer = rule.apply(plain.state, rows, into)
        assert answer.rows is into
        assert all(torch.equal(expected[each], tensor) for each, tensor in tensors(answer).items())


@claims("any stretch")
def test_rows_may_lie_in_files(rule: Aggregator, tmp_path: Path) -> None:
    rows = zoo.rows("random", 5)
    expected = play(rule, rows)[-1]
    mapped = replace(rows, start=on_disk(tmp_path / "start", rows.start), end=on_disk(tmp_path / "end", rows.end))
    found = play(rule, mapped)[-1]
    assert all(torch.equal(tensors(expected)[each], tensor) for each, tensor in tensors(found).items())


def on_disk(path: Path, table: Tensor) -> Tensor:
    mapped = torch.from_file(str(path), shared=True, size=table.numel(), dtype=table.dtype).view(table.shape)
    return mapped.copy_(table)


@claims("order and names")
@FEW
@given(drawn=zoo.any_rows, data=st.data())
def test_another_order_and_other_names_reorder_the_answer(
    rule: Aggregator, drawn: dict[str, Any], data: st.DataObject
) -> None:
    first = zoo.rows(**drawn)
    order = data.draw(st.permutations(range(len(first.members))))
    answer, reordered = (rule.apply(rule.init(each), each) for each in (first, zoo.permuted(first, order)))
    close(reordered.rows, answer.rows[order], size(first), 2e-6)


@claims("order and names")
def test_hyper_weights_follow_their_owners(rule: Aggregator) -> None:
    rows, order = zoo.rows("random", 5), [3, 0, 4, 1, 2]
    answers, reordered = play(rule, rows), play(rule, zoo.permuted(rows, order))
    for name in {"alpha", "beta"} & set(answers[-1].notes):
        close(reordered[-1].notes[name], answers[-1].notes[name][order], 1.0)
        assert not torch.equal(answers[0].notes[name], answers[-1].notes[name])
    close(reordered[-1].rows, answers[-1].rows[order], size(rows), 2e-6)


@claims("scale")
@FEW
@given(animal=st.sampled_from(sorted(zoo.ZOO)), m=st.integers(1, 5), exponent=zoo.exponents, seed=zoo.seeds)
def test_the_unit_of_the_parameters_does_not_matter(
    rule: Aggregator, animal: str, m: int, exponent: int, seed: int
) -> None:
    ones, scaled = (play(rule, zoo.rows(animal, m, exponent=e, seed=seed)) for e in (0, exponent))
    for one, other in zip(ones, scaled, strict=True):
        assert torch.equal(other.rows, one.rows * 2.0**exponent)
        assert torch.equal(other.mixing.matrix, one.mixing.matrix)


@claims("sum to one")
@FEW
@given(drawn=zoo.any_rows)
def test_weights_sum_to_one(rule: Aggregator, drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    found = rule.apply(rule.init(first), first).mixing
    assert found.what == "weights"
    assert (found.matrix >= 0).all()
    torch.testing.assert_close(found.matrix.sum(-1), torch.ones(found.matrix.shape[:2], dtype=torch.float64))
    assert not rule.init(first)


@claims("of equal rows the row")
@FEW
@given(drawn=zoo.any_rows)
def test_of_equal_rows_the_answer_is_that_row_to_the_last_bit(rule: Aggregator, drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    equal = Rows(first.start, first.end[:1].expand_as(first.end), first.members, first.layout)
    assert torch.equal(rule.apply({}, equal).rows, equal.end)


@FEW
@given(drawn=zoo.any_rows)
def test_keep_is_bit_for_bit(drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    odd = torch.tensor([-0.0, math.inf, math.nan, 1e-45, 3e38]).repeat(first.end.numel())[: first.end.numel()]
    rows = Rows(first.start, odd.view_as(first.end), first.members, first.layout)
    answer = keep().apply({}, rows)
    assert torch.equal(bits(answer.rows), bits(rows.end))
    assert answer.rows.data_ptr() != rows.end.data_ptr()


@pytest.mark.parametrize(
    "rule",
    [hyper_conflict_averse(alpha=0.0, groups="off"), hyper_cross_attention(beta=0.0)],
    ids=["conflict averse", "cross attention"],
)
@FEW
@given(drawn=zoo.any_rows)
def test_weights_of_zero_answer_what_was_sent_bit_for_bit(rule: Aggregator, drawn: dict[str, Any]) -> None:
    first = zoo.rows(**drawn)
    end = torch.where(first.end < 0, -0.0, first.end)  # a negative zero must come back negative
    rows = Rows(first.start, end, first.members, first.layout)
    assert torch.equal(bits(rule.apply(rule.init(rows), rows).rows), bits(rows.end))


def member(dataset: str, *tasks: str, examples: int = 1) -> Member:
    return Member("", dataset, tasks, examples)


PEOPLE = (
    member("pascal", "semseg", examples=1),
    member("nyud", "semseg", "depth", examples=3),
    member("pascal", "semseg", examples=2),
    member("nyud", "depth", "semseg", examples=4),
    member("nyud", "semseg", examples=5),
)


@pytest.mark.parametrize(
    ("scope", "by_examples", "shares"),
    [
        ("all", False, [[1, 1, 1, 1, 1]] * 5),
        ("all", True, [[1, 3, 2, 4, 5]] * 5),
        ("same_task", False, [[1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]),
        ("same_task", True, [[1, 0, 2, 0, 5], [0, 3, 0, 4, 0], [1, 0, 2, 0, 5], [0, 3, 0, 4, 0], [1, 0, 2, 0, 5]]),
        (
            "same_task_and_data",
            False,
            [[1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1]],
        ),
        (
            "same_task_and_data",
            True,
            [[1, 0, 2, 0, 0], [0, 3, 0, 4, 0], [1, 0, 2, 0, 0], [0, 3, 0, 4, 0], [0, 0, 0, 0, 5]],
        ),
    ],
)
def test_scopes_of_the_mean(scope: Scope, by_examples: bool, shares: Sequence[Sequence[int]]) -> None:
    end = torch.tensor([[1.0, 10.0], [2.0, -20.0], [4.0, 40.0], [8.0, -80.0], [16.0, 160.0]])
    rows = Rows(torch.full_like(end, math.nan), end, PEOPLE, Layout.of({"w": (2,)}))  # the start plays no part
    found = mean(scope=scope, by_examples=by_examples).apply({}, rows).rows
    expected = [
        [sum(s * x for s, x in zip(share, column, strict=True)) / sum(share) for column in end.T.tolist()]
        for share in shares
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


Partition = list[list[int]]
GROUPS: Mapping[str, tuple[list[tuple[str, ...]], Partition, Partition]] = {
    "adjacent equals": ([("a", "s"), ("a", "s"), ("b", "s")], [[0, 1], [2]], [[0, 1], [2]]),
    "equals apart": ([("a", "s"), ("b", "s"), ("a", "s")], [[0, 2], [1]], [[0], [1], [2]]),
    "another order of tasks": ([("a", "s", "t"), ("a", "t", "s")], [[0, 1]], [[0], [1]]),
    "a subset is another kind": ([("a", "s", "t"), ("a", "s")], [[0], [1]], [[0], [1]]),
    "another data set": ([("a", "s"), ("b", "s")], [[0], [1]], [[0], [1]]),
    "two runs": (
        [("a", "s"), ("a", "s"), ("b", "s"), ("a", "s"), ("a", "s")],
        [[0, 1, 3, 4], [2]],
        [[0, 1], [2], [3, 4]],
    ),
    "one alone": ([("a", "s")], [[0]], [[0]]),
}


@pytest.mark.parametrize("case", GROUPS)
@pytest.mark.parametrize("grouping", ["equal", "adjacent", "off"])
def test_groups_share_the_mean_of_their_progress(case: str, grouping: Grouping) -> None:
    kinds, equal, adjacent = GROUPS[case]
    expected = {"equal": equal, "adjacent": adjacent, "off": [[i] for i in range(len(kinds))]}[grouping]
    drawn = zoo.rows("random", len(kinds))
    rows = Rows(drawn.start, drawn.end, tuple(member(*kind) for kind in kinds), drawn.layout)
    rule = hyper_conflict_averse(alpha=0.0, groups=grouping)
    found = rule.apply(rule.init(rows), rows).rows
    for group in expected:
        progress = torch.stack([rows.end[i].double() - rows.start[i].double() for i in group]).mean(0)
        for i in group:
            close(found[i], rows.start[i].double() + progress, size(rows))


@pytest.mark.parametrize("solver", ["exact", "official"])
def test_groups_touch_neither_the_direction_nor_what_hyper_weights_learn(solver: Solver) -> None:
    drawn = zoo.rows("random", 4)
    rows = Rows(drawn.start, drawn.end, (member("a", "s"),) * 4, drawn.layout)
    grouped, alone = (hyper_conflict_averse(solver=solver, groups=each) for each in ("equal", "off"))
    first, second = (rule.apply(rule.init(rows), rows) for rule in (grouped, alone))
    assert torch.equal(first.state["direction"], second.state["direction"])
    later = zoo.rows("random", 4, seed=9)
    again = Rows(later.start, later.end, rows.members, rows.layout)
    first, second = grouped.apply(first.state, again), alone.apply(second.state, again)
    assert torch.equal(first.state["alpha"], second.state["alpha"])
    assert len(first.state["alpha"].unique()) == 4  # each learnt from its own update, not from the group's
    assert not torch.allclose(first.rows, second.rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_listening_is_the_whole_of_who_is_in_the_answer(dtype: torch.dtype) -> None:
    rows = zoo.rows("random", 3, "a weight and its bias", dtype=dtype)
    rule = hyper_cross_attention(beta=0.5)
    found = rule.apply(rule.init(rows), rows).mixing
    weight, bias = found.matrix
    expected = torch.eye(3, dtype=torch.float64) + (12 * weight + 4 * bias) / 16
    torch.testing.assert_close(found.listening(rows.layout), expected)
    torch.testing.assert_close(mean().apply({}, rows).mixing.listening(rows.layout).sum(1), expected.new_ones(3))
