import pytest
import torch

from fedhca.aggregation.distances import squared_distances, told_apart


def test_distances_are_those_of_the_rows() -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]], dtype=torch.float64)
    expected = [[0, 25, 9], [25, 0, 16], [9, 16, 0]]
    assert squared_distances(rows @ rows.T).tolist() == expected
    assert told_apart(rows @ rows.T).tolist() == expected


@pytest.mark.parametrize("length", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize(("share", "apart"), [(5e-13, False), (2e-12, True)])
def test_what_rounding_leaves_of_0_is_0_whatever_the_unit(length: float, share: float, apart: bool) -> None:
    """Squared distances count from 1e-12 of both squared lengths together."""
    gram = length * torch.tensor([[1.0, 1 - share], [1 - share, 1.0]], dtype=torch.float64)
    found = told_apart(gram)
    assert found.diagonal().tolist() == [0, 0]
    assert float(found[0, 1]) == pytest.approx(2 * share * length if apart else 0, rel=1e-3)


def test_two_rows_are_never_less_than_nothing_apart() -> None:
    gram = torch.tensor([[1.0, 1 + 1e-9], [1 + 1e-9, 1.0]], dtype=torch.float64)
    assert squared_distances(gram).tolist() == [[0, 0], [0, 0]]
