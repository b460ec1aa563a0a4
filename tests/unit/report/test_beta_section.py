from pathlib import Path
from typing import Any

import pytest
from studies import bands, drawings, figure, grids, points, recorded, section, shown, texts

from fedhca.experiment.compare import Entry

BETA: list[list[list[float | None]]] = [  # two rounds of four decoders of up to three layers
    [[0.1, 0.2, 0.3], [0.3, 0.4, 0.5], [0.1, 0.1, 0.1], [0.6, 0.5, None]],
    [[0.2, 0.2, 0.4], [0.4, 0.4, 0.8], [0.1, 0.1, 0.2], [0.6, 0.4, None]],
]
FAMILIES = {
    "decoder": [
        {"clients": ["lab-1", "hall"], "unlike": ""},
        {"clients": ["lab-2"], "unlike": "it is longer"},
    ]
}


def journal(**more: Any) -> list[dict[str, Any]]:
    return [{"decoder": {"beta": values}, **more} for values in BETA]


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    return recorded(tmp_path_factory.mktemp("beta"), "fedhca2", journal())


def test_decoders_of_one_kind_share_a_panel_with_a_line_for_each_of_their_layers(entry: Entry) -> None:
    (part,) = drawings(shown("beta", [entry])).values()
    found = {axes.get_title("left"): points(axes) for axes in figure(part).axes}
    assert found == {
        "figures sal": {
            "L1": [(1, 0.2), (2, 0.3)],
            "L2": [(1, 0.3), (2, 0.3)],
            "L3 (next to the head)": [(1, 0.4), (2, 0.6)],
        },
        "rooms multi-task · depth": {
            "L1": [(1, 0.1), (2, 0.1)],
            "L2": [(1, 0.1), (2, 0.1)],
            "L3 (next to the head)": [(1, 0.1), (2, 0.2)],
        },
        "rooms multi-task · semseg": {"L1": [(1, 0.6), (2, 0.6)], "L2 (next to the head)": [(1, 0.5), (2, 0.4)]},
    }
    assert part.name == "beta-fedhca2"
    assert part.alt == (
        "β in the last round under fedhca2. figures sal: L1 0.300, L2 0.300, L3 (next to the head) 0.600; "
        "rooms multi-task · depth: L1 0.100, L2 0.100, L3 (next to the head) 0.200; "
        "rooms multi-task · semseg: L1 0.600, L2 (next to the head) 0.400."
    )


def test_the_layer_next_to_the_head_is_the_thick_line_in_ink(entry: Entry) -> None:
    for axes in figure(drawings(shown("beta", [entry]))["beta-fedhca2"]).axes:
        *others, last = axes.get_lines()
        assert "next to the head" in str(last.get_label())
        assert (last.get_linewidth(), last.get_color()) == (2.4, "#1d2228")
        assert {line.get_linewidth() for line in others} == {1.5}
        assert [line.get_color() for line in others] == ["#0072b2", "#db9200"][: len(others)]


def test_bands_are_of_decoders_and_in_a_crowd_the_thick_line_alone_has_one(entry: Entry, tmp_path: Path) -> None:
    first = figure(drawings(shown("beta", [entry]))["beta-fedhca2"]).axes[0]
    assert bands(first)[0] == {1: (0.0586, 0.3414), 2: (0.1586, 0.4414)}  # 0.2 and 0.3, ± 0.1414
    assert len(bands(first)) == 3
    four = [[[0.1] * 3 + [0.2], [0.3] * 3 + [0.6], [0.1] * 4, [0.1] * 4]] * 2
    crowd = recorded(tmp_path, "fedhca2", [{"decoder": {"beta": each}} for each in four])
    axes = figure(drawings(shown("beta", [crowd]))["beta-fedhca2"]).axes[0]
    assert bands(axes) == [{1: (0.1172, 0.6828), 2: (0.1172, 0.6828)}]  # 0.4 ± 0.2828


def test_decoders_of_several_architectures_are_numbered(tmp_path: Path) -> None:
    entry = recorded(tmp_path, "fedhca2", journal(families=FAMILIES))
    panels = figure(drawings(shown("beta", [entry]))["beta-fedhca2"]).axes
    assert [axes.get_title("left") for axes in panels] == [
        "figures sal · 1",
        "figures sal · 2",
        "rooms multi-task · depth",
        "rooms multi-task · semseg",
    ]
    assert points(panels[1])["L1"] == [(1, 0.3), (2, 0.4)]


def test_the_own_part_of_all_layers_of_a_kind(tmp_path: Path) -> None:
    whole = [[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.4, 0.4, 0.4], [0.2, 0.2, None]]
    own = [[0.1, 0.0, 0.0], [0.1, 0.1, None], [0.2, 0.2, 0.2], [0.1, 0.1, None]]
    lines = journal()
    lines[1]["decoder"] |= {"product": whole, "own_product": own}
    (grid,) = grids(shown("beta", [recorded(tmp_path, "fedhca2", lines)]))
    assert texts(grid)[0][1] == [  # 0.3 of 0.7, means of five; 0.8 of 1.6, of five
        ["figures sal", "43 % | +0.060 of +0.140"],
        ["rooms multi-task", "50 % | +0.160 of +0.320"],
    ]


def test_journals_without_products_are_named(entry: Entry) -> None:
    found = shown("beta", [entry])
    assert grids(found) == []
    assert found.notes[1:] == ["The own part of β was not recorded by: fedhca2."]
    assert "β rises among strangers, too" in found.notes[0]


def test_without_beta_there_is_no_section(tmp_path: Path) -> None:
    assert section("beta", [recorded(tmp_path, "fedavg", [{"losses": {}}] * 2)]) is None
