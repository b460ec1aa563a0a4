import subprocess
import sys

import pytest

from fedhca.seeds import derive, generator


def test_values_never_change() -> None:
    assert derive() == derive()
    assert [derive(0, "kitchen", 3, "crop"), derive(""), derive(-7)] == PINNED


PINNED = [1091121506000932515, 6328958061894271140, 4788794914159346357]


def test_a_seed_has_63_bits() -> None:
    seeds = [derive(number) for number in range(200)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**61
    assert len(set(seeds)) == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), ((1,), ("1",)), ((1, 2), (2, 1)), ((), ("",)), ((12,), (1, 2)), (("é",), ("e",))],
)
def test_type_length_and_order_of_the_parts_matter(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> None:
    assert derive(*one) != derive(*other)


def test_another_process_derives_the_same() -> None:
    code = "from fedhca.seeds import derive; print(derive('round', 5, 'client', 2))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) == derive("round", 5, "client", 2)


def test_a_generator_is_its_seed() -> None:
    assert generator("x", 1).random() == generator("x", 1).random()
    assert generator("x", 1).random() != generator("x", 2).random()
