import numpy as np
import pytest

from fedhca.data.partition import partition
from fedhca.errors import RecipeError


@pytest.mark.parametrize(("count", "shares"), [(10, 3), (795, 4), (6, 6), (5, 1), (1, 1)])
def test_shares_are_disjoint_cover_all_and_are_equal_to_one(count: int, shares: int) -> None:
    parts = partition(count, shares, seed=3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    sizes = [part.size for part in parts]
    assert len(sizes) == shares
    assert max(sizes) - min(sizes) <= 1


def test_shares_are_random_and_hang_on_the_seed_alone() -> None:
    one, again, other = (partition(100, 4, seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, again, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))
    assert partition(100, 1, 5)[0].tolist() != list(range(100))


@pytest.mark.parametrize(("count", "shares"), [(3, 4), (0, 1), (5, 0), (5, -1)])
def test_more_shares_than_pictures_are_refused(count: int, shares: int) -> None:
    with pytest.raises(RecipeError, match=f"Found {shares} clients"):
        partition(count, shares, seed=0)
