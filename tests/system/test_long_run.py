import long_run
import numpy as np
import pytest


@pytest.mark.parametrize("rounds", [10, pytest.param(40, marks=pytest.mark.whole)])
def test_a_long_run_keeps_no_file_open_and_its_report_can_be_made(rounds: int) -> None:
    found = long_run.run(rounds=rounds, clients=4)
    assert found.files[0] == found.files[1]
    assert found.growth < 25  # a round's rows are 0.2 MB here: keeping them all would be twice that and more


def test_a_leak_is_told_from_steps_and_noise() -> None:
    noise = np.random.default_rng(0).normal(scale=0.01, size=150)
    step = np.where(np.arange(150) < 110, 160.0, 171.0)
    assert long_run.growth([*(step + noise)]) < long_run.MOST_GROWTH
    assert long_run.growth([*(step + noise + 0.01 * np.arange(150))]) > long_run.MOST_GROWTH
