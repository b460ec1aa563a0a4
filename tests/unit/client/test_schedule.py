import math

import pytest

from fedhca.client.training import Schedule
from fedhca.config.federation import Training


def released(epoch: int, total: int) -> float:
    """The rate after so many local epochs, as method.md §4 has it."""
    if epoch < 5:
        return 1.25e-7 + epoch * (1e-4 - 1.25e-7) / 5
    return 1.25e-6 + 0.5 * (1e-4 - 1.25e-6) * (1 + math.cos(math.pi * (epoch - 5) / (total - 5)))


@pytest.mark.parametrize(("rounds", "local_epochs"), [(100, 1), (100, 4), (10, 1), (3, 4), (6, 1)])
def test_the_default_is_the_released_schedule(rounds: int, local_epochs: int) -> None:
    """An epoch runs at the rate that was set after the one before; the first runs at the start of the warm-up."""
    total, now = rounds * local_epochs, 1.25e-7
    schedule = Schedule.of(Training(), total)
    for epoch in range(total):
        assert schedule.rate(epoch) == pytest.approx(now, rel=1e-12), epoch
        now = released(epoch, total)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 1.25e-7),
        (1, 1.25e-7),
        (2, 2.01e-5),
        (3, 4.0075e-5),
        (4, 6.005e-5),
        (5, 8.0025e-5),
        (6, 1e-4),
        (101, 1.25e-6),
    ],
)
def test_rates_of_the_paper_in_plain_numbers(epoch: int, rate: float) -> None:
    assert Schedule(1e-4, 100).rate(epoch) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("total", range(1, 6))
def test_a_run_no_longer_than_its_warm_up_reaches_its_rate(total: int) -> None:
    rates = [Schedule(1e-3, total).rate(epoch) for epoch in range(total)]
    assert max(rates) == pytest.approx(1e-3)
    peak = rates.index(max(rates))
    assert peak <= total // 2 + 1
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


@pytest.mark.parametrize(("total", "first"), [(100, 40), (20, 17), (12, 11)])
def test_a_client_that_joins_later_has_a_schedule_of_its_own_to_the_end_of_the_run(total: int, first: int) -> None:
    late, whole = Schedule(1e-4, total, first=first), Schedule(1e-4, total - first)
    assert [late.rate(epoch) for epoch in range(first, total)] == [whole.rate(epoch) for epoch in range(total - first)]


def test_without_warm_up_the_first_epoch_runs_at_the_peak() -> None:
    assert Schedule(1e-3, 10, warmup=0).rate(0) == pytest.approx(1e-3)


def test_start_and_final_may_be_given() -> None:
    schedule = Schedule(1.0, 20, warmup=4, start=0.5, final=0.25)
    assert (schedule.rate(0), schedule.rate(3), schedule.rate(21)) == pytest.approx((0.5, 0.75, 0.25))
