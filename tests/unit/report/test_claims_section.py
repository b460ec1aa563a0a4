from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from studies import grids, measured, recorded, section, shown, texts

from fedhca.experiment.compare import Entry

FIRST, SECOND = measured(30, 3.0, 20), measured(40, 2.0, 30)
LOCAL = [FIRST, SECOND, measured(50, 1.0, 40)]
FEDAVG = [FIRST, SECOND, measured(45, 1.1, 36)]
REST = "fedhca2+alpha=0+beta=0+hyper_learning_rate=0"
BEST, GROUPS, AVERAGE, FASTER = (
    "FedHCA² has the best Δm of all methods.",
    "FedHCA² has a better Δm than its groups of equal clients alone.",
    "One average for all (FedAvg) is worse than training alone.",
    "FedHCA² converges faster than training alone.",
)


def ours(depth: float, semseg: float = 44) -> list[dict[str, Any]]:
    """As good as training alone in the end: in `sal` after round 1, in `depth` after 2, in `semseg` after 3."""
    return [measured(50, 1.5, 39), measured(52, 0.9, 39.5), measured(55, depth, semseg)]


def study(out: Path, semseg: float = 44, others: Mapping[str, list[dict[str, Any]]] = {}) -> list[Entry]:
    """Δm of FedHCA² is 13.33, 16.67 and 15 where `semseg` ends at 44."""
    return [
        recorded(out, method, [{"metrics": metrics} for metrics in lines], seed=seed)
        for seed, depth in enumerate((0.8, 0.7, 0.75))
        for method, lines in ({"local": LOCAL, "fedavg": FEDAVG, "fedhca2": ours(depth, semseg), **others}).items()
    ]


def lines(entries: list[Entry]) -> dict[str, list[str]]:
    (grid,) = grids(shown("claims", entries))
    assert grid.head == ["claim", "verdict", "measured here", "in the paper"]
    return {claim: rest for _, found in texts(grid) for claim, *rest in found}


def test_every_claim_is_asked(tmp_path: Path) -> None:
    assert lines(study(tmp_path)) == {
        BEST: ["better", "fedhca2 +15.00\xa0±\xa01.67\xa0%; better: local, fedavg", "Tables\xa01,\xa02"],
        GROUPS: ["not measured", f"{REST} was not run", "not asked"],
        AVERAGE: ["worse", "fedavg −10.00\xa0±\xa00.00\xa0%, 95\xa0%: −10.00 to −10.00", "Tables\xa01,\xa02"],
        FASTER: [
            "better",
            "1.0 rounds earlier at the last value of local, mean over metrics; better: local",
            "Fig.\xa04",
        ],
    }


def test_the_groups_alone_are_a_rival_in_three_claims(tmp_path: Path) -> None:
    """They end as FedHCA² does on its first seed, and are as fast: +3.33, 0 and +1.67 against it tell nothing apart."""
    found = lines(study(tmp_path, others={REST: ours(0.75)}))
    assert found[GROUPS][:2] == [
        "not told apart",
        f"{REST} +15.00\xa0±\xa00.00\xa0%, fedhca2 +15.00\xa0±\xa01.67\xa0%, difference 95\xa0%: −4.14 to +4.14",
    ]
    assert found[BEST][0] == "not told apart"
    assert found[BEST][1].endswith(f"better: local, fedavg; not told apart: {REST}")
    assert found[FASTER][0] == "not told apart"
    assert found[FASTER][1].endswith(f"better: local; not told apart: {REST}")


def test_what_is_never_reached_counts_as_the_round_after_the_last(tmp_path: Path) -> None:
    """`semseg` ends at 39.9, below 40: rounds 1, 2 and 4, a mean of 2.33 against 3."""
    assert lines(study(tmp_path, semseg=39.9))[FASTER][1].startswith("0.7 rounds earlier")


def test_later_is_worse(tmp_path: Path) -> None:
    slow = [measured(30, 3.0, 20), measured(40, 2.0, 30), measured(49, 1.1, 39)]
    found = lines(study(tmp_path, others={"fedhca2": slow}))[FASTER]
    assert found[:2] == ["worse", "1.0 rounds later at the last value of local, mean over metrics; worse: local"]


@pytest.mark.parametrize(("evaluations", "word"), [(2, "not measured"), (3, "better")])
def test_nothing_is_fast_on_fewer_than_three_evaluations(tmp_path: Path, evaluations: int, word: str) -> None:
    entries = [
        recorded(tmp_path, method, [{"metrics": each} for each in metrics[-evaluations:]], seed=seed)
        for seed in (0, 1)
        for method, metrics in (("local", LOCAL), ("fedhca2", ours(0.8)))
    ]
    assert lines(entries)[FASTER][0] == word


def test_verdicts_have_the_colour_of_their_word(tmp_path: Path) -> None:
    (grid,) = grids(shown("claims", study(tmp_path)))
    assert [line[1].mark for _, found in grid.groups for line in found] == ["better", "", "worse", "better"]
    assert section("claims", [entry for entry in study(tmp_path / "x") if entry.method != "fedhca2"]) is None


def test_more_clients_are_asked_across_settings(tmp_path: Path) -> None:
    """Δm of FedHCA² from 13.33, 16.67 and 15 to 6.67 more; FedAvg stays at −10 and 0 apart."""
    entries = [
        recorded(out, method, [{"metrics": metrics}], seed=seed, setting=out.name, changes=[clients])
        for out, clients, more in (
            (tmp_path / "×1", CLIENTS_OF[1], 0.0),
            (tmp_path / "×2", CLIENTS_OF[2], 0.2),
        )
        for seed, depth in enumerate((0.8, 0.7, 0.75))
        for method, metrics in (
            ("local", several(50, 1.0, 40, clients)),
            ("fedavg", several(45, 1.1, 36, clients)),
            ("fedhca2", several(55, depth - more, 44, clients)),
        )
    ]
    (grid,) = grids(shown("claims", entries))
    name, ((claim, word, found, source),) = texts(grid)[-1]
    assert name == "across settings"
    assert claim == "Δm of FedHCA² grows with the number of clients, that of others falls."
    assert (word, found, source) == ("better", "×1 to ×2: better: fedhca2; not told apart: fedavg", "Fig.\xa05")


HALL = "{name: hall, dataset: rooms, tasks: [depth, semseg]}"
CLIENTS_OF = {
    count: f"clients=[{{name: lab, dataset: figures, tasks: [sal], count: {2 * count}}}, {HALL}]" for count in (1, 2)
}


def several(sal: float, depth: float, semseg: float, clients: str) -> dict[str, dict[str, float]]:
    labs = 2 if clients == CLIENTS_OF[1] else 4
    return {f"lab-{n}": {"sal": sal} for n in range(1, labs + 1)} | {"hall": {"depth": depth, "semseg": semseg}}
