"""The zoo of rows that every aggregation rule meets.

All numbers are multiples of a small power of two, and scales are powers of two, so that start + update is exact in
float32: equal updates are equal to the last bit, and the zoo at 1e-10 is the zoo at 1, only smaller.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from fedhca.aggregation import Member, Rows
from fedhca.wire.layout import Layout

QUANTUM = 2.0**-18

Herd = Callable[[int, int, torch.Generator], Tensor]


def _normal(m: int, w: int, draw: torch.Generator) -> Tensor:
    return torch.randn(m, w, generator=draw, dtype=torch.float64).clamp(-4, 4)


def _signs(m: int) -> Tensor:
    return 1 - 2.0 * (torch.arange(m, dtype=torch.float64)[:, None] % 2)


def _opposed_beside_others(m: int, w: int, draw: torch.Generator) -> Tensor:
    rows = _normal(m, w, draw)
    rows[1:2] = -2 * _exact(rows[:1])  # exactly, so that U_w* may be 0
    return rows


def _one_zero(m: int, w: int, draw: torch.Generator) -> Tensor:
    rows = _normal(m, w, draw)
    rows[m // 2] = 0
    return rows


def _one_moves(m: int, w: int, draw: torch.Generator) -> Tensor:
    return _normal(m, w, draw) * (torch.arange(m)[:, None] == m // 2)


def _of_very_different_sizes(m: int, w: int, draw: torch.Generator) -> Tensor:
    return _normal(m, w, draw) * 10.0 ** -torch.arange(m)[:, None].clamp(max=4)


ZOO: Mapping[str, Herd] = {
    "random": _normal,
    "equal": lambda m, w, draw: _normal(1, w, draw).expand(m, w),
    "opposed": lambda m, w, draw: _normal(1, w, draw) * _signs(m),
    "opposed and unequal, beside others": _opposed_beside_others,
    "zero": lambda m, w, draw: torch.zeros(m, w, dtype=torch.float64),
    "one zero among others": _one_zero,
    "one alone moves": _one_moves,
    "nearly parallel": lambda m, w, draw: _normal(1, w, draw) + 1e-5 * _normal(m, w, draw),
    "nearly opposed": lambda m, w, draw: _normal(1, w, draw) * _signs(m) + 1e-5 * _normal(m, w, draw),
    "of very different sizes": _of_very_different_sizes,
}

LAYOUTS: Mapping[str, Layout] = {
    "one scalar": Layout.of({"scale": ()}),
    "one tensor": Layout.of({"layer.weight": (2, 3)}),
    "a weight and its bias": Layout.of({"fuse.weight": (4, 3), "fuse.bias": (4,)}),
    "layers of different widths": Layout.of(
        {
            "linears.0.weight": (2, 5),
            "linears.0.bias": (2,),
            "linears.1.weight": (3, 7),
            "norm.weight": (1,),
            "norm.bias": (1,),
            "scale": (),
        },
        norms={"norm"},
    ),
}

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pascal", ("semseg",)),
    ("nyud", ("semseg", "depth")),
    ("pascal", ("semseg",)),
    ("nyud", ("depth", "semseg")),
    ("pascal", ("parts",)),
    ("nyud", ("semseg",)),
)
"""Data sets and tasks in which some are equal, some only as sets, and some stand apart."""


def members(m: int) -> tuple[Member, ...]:
    kinds = [KINDS[i % len(KINDS)] for i in range(m)]
    return tuple(Member(f"client{i}", dataset, tasks, 3 + 5 * i) for i, (dataset, tasks) in enumerate(kinds))


def updates(animal: str, m: int, w: int, seed: int = 0) -> Tensor:
    """Return m updates of width w in float64, as multiples of the quantum."""
    return _exact(ZOO[animal](m, w, torch.Generator().manual_seed(seed)))


def rows(
    animal: str,
    m: int = 4,
    layout: str = "layers of different widths",
    *,
    exponent: int = 0,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Rows:
    """Return rows with the updates of an animal, all scaled by 2^exponent."""
    start = updates("random", m, LAYOUTS[layout].width, seed + 1)
    end = start + updates(animal, m, LAYOUTS[layout].width, seed)
    scale = 2.0**exponent
    return Rows((scale * start).to(dtype), (scale * end).to(dtype), members(m), LAYOUTS[layout])


def permuted(given: Rows, order: list[int]) -> Rows:
    """Return the rows in another order, under other names."""
    renamed = tuple(replace(given.members[old], client=f"renamed{new}") for new, old in enumerate(order))
    return Rows(given.start[order], given.end[order], renamed, given.layout)


def _exact(values: Tensor) -> Tensor:
    return (values / QUANTUM).round() * QUANTUM


seeds = st.integers(0, 2**31)
exponents = st.integers(-33, 33)  # 2^±33 ≈ 10^±10
any_rows = st.fixed_dictionaries(
    {
        "animal": st.sampled_from(sorted(ZOO)),
        "m": st.integers(1, 6),
        "layout": st.sampled_from(sorted(LAYOUTS)),
        "exponent": exponents,
        "seed": seeds,
    }
)
"""Arguments of `rows`; the rows are made inside the test, so that a failure prints these few words."""
any_updates = st.fixed_dictionaries(
    {"animal": st.sampled_from(sorted(ZOO)), "m": st.integers(1, 8), "w": st.integers(1, 20), "seed": seeds}
)
"""Arguments of `updates`."""
