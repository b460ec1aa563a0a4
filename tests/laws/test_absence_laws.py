"""What must hold in rounds that some participants miss, for every rule, over random schedules of absence."""

from collections.abc import Mapping, Sequence

import pytest
import torch
import zoo
from hypothesis import given
from hypothesis import strategies as st
from test_aggregation_laws import ALL, FEW, RULES, close, size
from torch import Tensor

from fedhca.aggregation import Aggregator, Answer, Rows, State, apply_among

SIZE = 5
attendance = st.lists(st.lists(st.booleans(), min_size=SIZE, max_size=SIZE).filter(any), min_size=1, max_size=4)
"""Who answers, round by round; at least one."""

every_rule = pytest.mark.parametrize("rule", [pytest.param(RULES[name], id=name) for name in RULES if name in ALL])


def moved(first: Rows, held: Tensor, present: Tensor, fresh: Tensor) -> Rows:
    """Those present move as in the first rows; what is at the end of the others is anything."""
    end = held + (first.end - first.start)
    return Rows(held, torch.where(present[:, None], end, torch.nan), first.members, first.layout, fresh)


def play(rule: Aggregator, first: Rows, attended: Sequence[Sequence[bool]]) -> list[tuple[Rows, State, Tensor, Answer]]:
    """Rows, state before, who was present, and answer of each round."""
    held, fresh, state, played = first.start, torch.ones(SIZE, dtype=torch.bool), rule.init(first), []
    for each in attended:
        present = torch.tensor(each)
        rows = moved(first, held, present, fresh)
        answer = apply_among(rule, state, rows, present)
        played.append((rows, state, present, answer))
        held, state, fresh = answer.rows, answer.state, present
    return played


def share(rule: Aggregator, values: Mapping[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    return {name: values[name][chosen] for name, along in rule.personal.items() if along == 1 and name in values}


@every_rule
@FEW
@given(attended=attendance, animal=st.sampled_from(sorted(zoo.ZOO)), seed=zoo.seeds)
def test_who_is_absent_stays_as_it_was_bit_for_bit(
    rule: Aggregator, attended: list[list[bool]], animal: str, seed: int
) -> None:
    for rows, before, present, answer in play(rule, zoo.rows(animal, SIZE, seed=seed), attended):
        assert torch.equal(answer.rows[~present], rows.start[~present])
        assert answer.rows.isfinite().all()
        after = share(rule, answer.state, ~present)
        for name, tensor in share(rule, before, ~present).items():
            assert torch.equal(after[name], tensor), name
        for name in {"pairs"} & before.keys():
            absent = ~(present[:, None] & present)
            assert torch.equal(answer.state[name][absent], before[name][absent])


@pytest.mark.parametrize(
    "rule",  # a weighted sum starts from weights that depend on how many there are
    [pytest.param(RULES[name], id=name) for name in RULES if not name.startswith("weighted sum")],
)
@FEW
@given(attended=attendance, seed=zoo.seeds)
def test_those_present_are_mixed_as_if_there_were_no_others(
    rule: Aggregator, attended: list[list[bool]], seed: int
) -> None:
    first = zoo.rows("random", SIZE, seed=seed)
    present = torch.tensor(attended[0])
    names = tuple(member for member, here in zip(first.members, attended[0], strict=True) if here)
    few = Rows(first.start[present], first.end[present], names, first.layout)
    alone, among = rule.apply(rule.init(few), few), apply_among(rule, rule.init(first), first, present)
    assert torch.equal(among.rows[present], alone.rows)
    assert torch.equal(among.mixing.matrix[:, present][:, :, present], alone.mixing.matrix)


@every_rule
@FEW
@given(attended=attendance, seed=zoo.seeds)
def test_the_matrix_makes_the_answer_and_nobody_hears_who_is_absent(
    rule: Aggregator, attended: list[list[bool]], seed: int
) -> None:
    for rows, _, present, answer in play(rule, zoo.rows("random", SIZE, seed=seed), attended):
        whole = Rows(rows.start, torch.where(present[:, None], rows.end, rows.start), rows.members, rows.layout)
        close(answer.mixing.of(whole).rows, answer.rows, size(whole))
        others = answer.mixing.matrix - torch.diag_embed(answer.mixing.matrix.diagonal(dim1=1, dim2=2))
        assert not others[:, ~present].any()
        assert not others[:, :, ~present].any()


@every_rule
@FEW
@given(seed=zoo.seeds)
def test_a_round_that_nobody_misses_is_a_round_of_the_rule(rule: Aggregator, seed: int) -> None:
    first = zoo.rows("random", SIZE, seed=seed)
    everybody = torch.ones(SIZE, dtype=torch.bool)
    plain, told = rule.apply(rule.init(first), first), apply_among(rule, rule.init(first), first, everybody)
    again = Rows(plain.rows, plain.rows + (first.end - first.start), first.members, first.layout)
    fresh = Rows(again.start, again.end, again.members, again.layout, everybody)
    for one, other in (
        (plain, told),
        (rule.apply(plain.state, again), apply_among(rule, told.state, fresh, everybody)),
    ):
        assert torch.equal(one.rows, other.rows)
        assert all(torch.equal(tensor, other.state[name]) for name, tensor in one.state.items())


@every_rule
@FEW
@given(seed=zoo.seeds)
def test_who_comes_back_learns_nothing_from_directions_it_was_not_handed(rule: Aggregator, seed: int) -> None:
    away, back = [True, False, True, True, True], [True] * SIZE
    *_, (_, before, _, answer) = play(rule, zoo.rows("random", SIZE, seed=seed), [back, away, back])
    for name in {"alpha", "beta"} & before.keys():
        assert torch.equal(answer.state[name][1], before[name][1])
        assert not torch.equal(answer.state[name][0], before[name][0])
    *_, (_, before, _, answer) = play(rule, zoo.rows("random", SIZE, seed=seed), [back, away, back, back])
    for name in {"alpha", "beta"} & before.keys():
        assert not torch.equal(answer.state[name][1], before[name][1])
