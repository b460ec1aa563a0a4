from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from studies import bands, drawings, figure, grids, points, recorded, section, shown, texts

from fedhca.experiment.compare import Entry

Lines = list[dict[str, Any]]
EIGHT = (
    "clients=[{name: lab, dataset: figures, tasks: [sal], count: 7}, "
    "{name: hall, dataset: rooms, tasks: [depth, semseg]}]"
)
NINE = EIGHT.replace("7", "8")
FIRST: Lines = [
    {"encoder": {"alpha": [0.1, 0.2, 0.3]}},
    {"encoder": {"alpha": [0.2, 0.2, 0.6], "product": [0.04, 0.08, 0.1], "own_product": [0.01, 0.05, 0.1]}},
]
SECOND: Lines = [
    {"encoder": {"alpha": [0.3, 0.2, 0.3]}},
    {"encoder": {"alpha": [0.4, 0.2, 0.2], "product": [0.06, 0.02, 0.3], "own_product": [0.02, None, 0.0]}},
]


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    out = tmp_path_factory.mktemp("alpha")
    return [recorded(out, "fedhca2", lines, seed=seed) for seed, lines in enumerate((FIRST, SECOND))]


def test_each_client_has_the_mean_of_its_alpha_over_seeds(entries: list[Entry]) -> None:
    (part,) = drawings(shown("alpha", entries)).values()
    assert part.alt == (
        "α from first to last round. fedhca2: lab-1 0.200 to 0.300, lab-2 0.200 to 0.200, hall 0.300 to 0.400."
    )
    (axes,) = figure(part).axes
    assert axes.get_title("left") == "fedhca2"
    assert points(axes) == {
        "lab-1": [(1, 0.2), (2, 0.3)],
        "lab-2": [(1, 0.2), (2, 0.2)],
        "hall": [(1, 0.3), (2, 0.4)],
    }
    assert bands(axes) == [  # 0.2 ± 0.1414 and 0.3 ± 0.1414; lab-2 has none, as its seeds agree; 0.4 ± 0.2828
        {1: (0.0586, 0.3414), 2: (0.1586, 0.4414)},
        {1: (0.3, 0.3), 2: (0.1172, 0.6828)},
    ]


def test_clients_of_one_kind_share_a_colour_and_differ_in_dash_and_marker(entries: list[Entry]) -> None:
    (axes,) = figure(next(iter(drawings(shown("alpha", entries)).values()))).axes
    looks = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    assert looks == [("#0072b2", "-", "o"), ("#0072b2", "--", "D"), ("#db9200", "-", "s")]


def test_the_own_part_is_the_sum_of_own_products_over_the_sum_of_products(entries: list[Entry]) -> None:
    """Labs: (0.01 + 0.05 + 0.02) of (0.04 + 0.08 + 0.06), a mean of three; the pair with a null is left out."""
    found = shown("alpha", entries)
    (grid,) = grids(found)
    assert (grid.head, texts(grid)) == (
        ["client", "fedhca2"],
        [("", [["figures sal", "44 % | +0.027 of +0.060"], ["rooms multi-task", "25 % | +0.050 of +0.200"]])],
    )
    assert len(found.notes) == 1


def test_products_that_push_down_have_no_own_part(tmp_path: Path) -> None:
    numbers = {"alpha": [0.1, 0.2, 0.3], "product": [-0.1, -0.1, 0.0], "own_product": [0.01, 0.01, 0.01]}
    (grid,) = grids(shown("alpha", [recorded(tmp_path, "fedhca2", [{"encoder": numbers}] * 2)]))
    assert texts(grid)[0][1] == [
        ["figures sal", "– | +0.010 of −0.100"],
        ["rooms multi-task", "– | +0.010 of 0.000"],
    ]


@pytest.mark.parametrize(
    ("clients", "last", "lines"),
    [
        (EIGHT, 0.8, {f"lab-{n}": [(1, n / 10), (2, 0.2)] for n in range(1, 8)} | {"hall": [(1, 0.8), (2, 0.5)]}),
        (NINE, 0.9, {"figures sal": [(1, 0.45), (2, 0.2)], "rooms multi-task": [(1, 0.9), (2, 0.5)]}),
    ],
    ids=["eight clients", "nine clients"],
)
def test_more_than_eight_clients_are_taken_together_by_kind(
    tmp_path: Path, clients: str, last: float, lines: dict[str, Any]
) -> None:
    count = 8 if clients == EIGHT else 9
    values = [[n / 10 for n in range(1, count)] + [last], [0.2] * (count - 1) + [0.5]]
    journal: Sequence[dict[str, Any]] = [{"encoder": {"alpha": each}} for each in values]
    found = shown("alpha", [recorded(tmp_path, "fedhca2", journal, changes=[clients])])
    (axes,) = figure(drawings(found)["alpha"]).axes
    assert points(axes) == lines
    assert len(bands(axes)) == (0 if count == 8 else 1)


def test_journals_without_products_are_named(tmp_path: Path) -> None:
    old = recorded(tmp_path, "fedhca2", [{"encoder": {"alpha": [0.1, 0.2, 0.3]}}])
    found = shown("alpha", [old])
    assert grids(found) == []
    assert found.notes[1:] == ["The own part of α was not recorded by: fedhca2."]
    found = shown("alpha", [old, recorded(tmp_path, "fedhca2+c=0.2", FIRST)])
    assert texts(grids(found)[0])[0][1][1] == ["rooms multi-task", "–", "100 % | +0.100 of +0.100"]
    assert found.notes[1:] == ["The own part of α was not recorded by: fedhca2."]
    assert "α rises among strangers, too" in found.notes[0]


def test_what_is_null_is_no_point_and_a_method_without_alpha_no_panel(tmp_path: Path) -> None:
    journal: list[dict[str, Any]] = [
        {"encoder": {"alpha": [0.1, 0.2, 0.3]}},
        {"encoder": {"alpha": [None, 0.2, 0.3]}},
    ]
    alone = recorded(tmp_path, "local", [{"losses": {}}] * 2)
    (axes,) = figure(drawings(shown("alpha", [alone, recorded(tmp_path, "fedhca2", journal)]))["alpha"]).axes
    assert points(axes)["lab-1"] == [(1, 0.1)]
    assert section("alpha", [alone]) is None


def test_each_setting_has_its_figure(tmp_path: Path) -> None:
    entries = [recorded(tmp_path / name, "fedhca2", FIRST, setting=name) for name in ("×1", "×2")]
    found = shown("alpha", entries)
    assert {name: part.setting for name, part in drawings(found).items()} == {"alpha-x1": "×1", "alpha-x2": "×2"}
    assert [name for name, _ in texts(grids(found)[0])] == ["×1", "×2"]
