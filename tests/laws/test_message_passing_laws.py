"""FedAMP's kernel, held to its formula and to what the scale-free form promises."""

import math

import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from fedhca.aggregation import Rows, message_passing
from fedhca.errors import RecipeError

FEW = settings(max_examples=30)


def matrix(rows: Rows, **options: float | str) -> torch.Tensor:
    return message_passing(**options).apply({}, rows).mixing.matrix[0]  # type: ignore[arg-type]


@FEW
@given(
    animal=st.sampled_from(sorted(zoo.ZOO)),
    m=st.integers(1, 6),
    seed=zoo.seeds,
    alpha=st.floats(0, 3),
    sigma=st.floats(0.5, 50),
)
def test_the_raw_kernel_is_the_formula(animal: str, m: int, seed: int, alpha: float, sigma: float) -> None:
    rows = zoo.rows(animal, m, seed=seed)
    found = matrix(rows, kernel="raw", alpha=alpha, sigma=sigma)
    for i in range(m):
        for j in range(m):
            distance = float((rows.end[i].double() - rows.end[j].double()).square().sum())
            if i != j:
                assert math.isclose(
                    found[i, j], alpha / sigma * math.exp(-distance / sigma), rel_tol=1e-9, abs_tol=1e-12
                )
    torch.testing.assert_close(found.sum(1), torch.ones(m, dtype=torch.float64))


def test_the_public_defaults_are_useless_at_both_ends() -> None:
    near, far = zoo.rows("random", 6, exponent=-12), zoo.rows("random", 6, exponent=4)
    assert matrix(near, kernel="raw").diagonal().tolist() == pytest.approx([-4.0] * 6, abs=0.01)
    assert (matrix(far, kernel="raw") - torch.eye(6)).abs().max() < 1e-20


@FEW
@given(drawn=zoo.any_rows, kappa=st.floats(0, 1))
def test_no_one_gives_up_more_than_kappa_of_itself(drawn: dict[str, object], kappa: float) -> None:
    rows = zoo.rows(**drawn)  # type: ignore[arg-type]
    found, m = matrix(rows, kappa=kappa), len(rows.members)
    others = found - torch.diag(found.diagonal())
    assert float(others.max()) <= kappa / max(m - 1, 1) + 1e-12
    assert float(found.diagonal().min()) >= 1 - kappa - 1e-12
    torch.testing.assert_close(found, found.T)


def test_the_nearer_is_heard_more() -> None:
    rows = zoo.rows("zero", 3, "one tensor")
    end = torch.tensor([[0.0], [1.0], [3.0]]).expand(3, 6).clone()
    found = matrix(Rows(rows.start, end, rows.members, rows.layout), kappa=0.8)
    assert found[0, 1] > found[1, 2] > found[0, 2] > 0


def test_the_width_of_the_kernel_is_counted_in_medians() -> None:
    rows = zoo.rows("zero", 3, "one scalar")
    end = torch.tensor([[0.0], [1.0], [3.0]])  # squared distances 1, 4, 9; median 4
    found = matrix(Rows(rows.start, end, rows.members, rows.layout), kappa=0.6, tau=0.5)
    assert found[0, 1] == pytest.approx(0.3 * math.exp(-1 / 2))
    assert found[1, 2] == pytest.approx(0.3 * math.exp(-4 / 2))
    assert found[0, 0] == pytest.approx(1 - 0.3 * (math.exp(-1 / 2) + math.exp(-9 / 2)))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"kappa": 1.5}, "Parameter `kappa` should be in [0, 1]. Found `kappa = 1.5`."),
        ({"tau": 0.0}, "Parameter `tau` should be a number above 0. Found `tau = 0.0`."),
        ({"sigma": math.inf}, "Parameter `sigma` should be a number above 0. Found `sigma = inf`."),
        ({"alpha": -1.0}, "Parameter `alpha` should be a number, at least 0. Found `alpha = -1.0`."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, float | str], line: str) -> None:
    with pytest.raises(RecipeError) as found:
        message_passing(**options)  # type: ignore[arg-type]
    assert str(found.value).startswith(line)
