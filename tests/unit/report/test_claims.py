from collections.abc import Mapping
from pathlib import Path

import pytest
from studies import made

from fedhca.experiment.compare import Entry
from fedhca.report.paper_claims import Finding, judge_claims, more_clients
from fedhca.report.study import AT_REST, Study
from fedhca.report.summary import finding

BEST = "FedHCA² has the best Δm of all methods."
AVERAGE = "One average for all (FedAvg) is worse than training alone."
FASTER = "FedHCA² converges faster than training alone."
GROUPS = "FedHCA² has a better Δm than its groups of equal clients alone."
SEEDS = (0, 1, 2)


def verdicts(entries: list[Entry]) -> dict[str, Finding]:
    return {claim.text: (claim.measured, claim.word) for claim in judge_claims(Study.of(entries), "")}


def several(out: Path, qualities: Mapping[str, tuple[float, ...]], *changes: str) -> list[Entry]:
    """Runs of methods that are so much better than `local` on each seed."""
    found = {"local": (1.0,) * len(SEEDS), **qualities}
    return [
        made(out, method, seed, better=better, changes=changes)
        for method, each in found.items()
        for seed, better in zip(SEEDS, each, strict=True)
    ]


def test_what_is_beyond_the_noise_has_a_verdict(tmp_path: Path) -> None:
    found = verdicts(several(tmp_path, {"fedavg": (0.8, 0.81, 0.79), "fedhca2": (1.1, 1.11, 1.09)}))
    words, word = found[BEST]
    assert (words.split("; ")[1], word) == ("better: local, fedavg", "better")
    words, word = found[AVERAGE]
    assert (words[:15], word) == ("fedavg −21.67\xa0±", "worse")
    assert "95\xa0%: −24." in words
    words, word = found[FASTER]
    assert (words, word) == (
        "3.0 rounds earlier at the last value of local, mean over metrics; better: local",
        "better",
    )
    assert GROUPS not in found  # no two clients are equal


def test_noise_has_none(tmp_path: Path) -> None:
    """Δm of about 1.9, −0.9 and 0.1 against local, which the mean alone would call the best."""
    found = verdicts(several(tmp_path, {"fedavg": (0.99, 1.01, 0.995), "fedhca2": (1.019, 0.991, 1.0014)}))
    words, word = found[BEST]
    assert words.endswith("not told apart: local, fedavg")
    assert word == "not told apart"
    assert found[AVERAGE][1] == found[FASTER][1] == "not told apart"


def test_worse_than_one_is_not_the_best(tmp_path: Path) -> None:
    qualities = {"fedavg": (0.8, 0.81, 0.79), "ditto": (1.2, 1.21, 1.19), "fedhca2": (1.1, 1.11, 1.09)}
    words, word = verdicts(several(tmp_path, qualities))[BEST]
    assert (words.split("; ", 1)[1], word) == ("better: local, fedavg; worse: ditto", "worse")


def test_one_seed_tells_nothing_apart(tmp_path: Path) -> None:
    found = verdicts([made(tmp_path, method) for method in ("local", "fedavg", "fedhca2")])
    assert found[BEST] == ("fedhca2 +9.70\xa0%; one seed tells nothing apart", "not told apart")
    assert found[AVERAGE] == ("fedavg −21.67\xa0%, one seed", "not told apart")
    assert found[FASTER][1] == "not told apart"


def test_what_was_not_measured_has_no_verdict(tmp_path: Path) -> None:
    alone = made(tmp_path, "fedhca2", rounds=1, without=["alpha", "beta"])
    assert {word for _, word in verdicts([alone]).values()} == {None}


def test_a_variant_is_no_rival_and_an_unfinished_run_is_not_compared(tmp_path: Path) -> None:
    entries = several(tmp_path, {"fedhca2": (1.1, 1.11, 1.09), "fedhca2+c=0.2": (1.2, 1.21, 1.19)})
    assert verdicts(entries)[BEST][1] == "better"
    entries.append(made(tmp_path, "ditto", 0, done=3, better=2.0))
    assert verdicts(entries)[BEST][1] == "better"
    unfinished = [made(tmp_path / "reference", "local", 0, done=3), *entries[3:6]]
    assert {word for _, word in verdicts(unfinished).values()} == {None}


@pytest.mark.parametrize(
    ("alone", "word"),
    [((1.09, 1.12, 1.08), "not told apart"), ((1.05, 1.06, 1.04), "better"), ((1.2, 1.21, 1.19), "worse")],
)
def test_the_groups_of_equal_clients_are_held_beside(tmp_path: Path, alone: tuple[float, ...], word: str) -> None:
    entries = several(tmp_path, {"fedhca2": (1.1, 1.11, 1.09), AT_REST: alone}, "clients.1.count=2")
    words, found = verdicts(entries)[GROUPS]
    assert found == word
    assert verdicts(entries)[BEST][1] == word  # it is better than training alone, but that may be the groups' doing
    assert words.startswith(f"{AT_REST} +")
    assert finding(Study.of(entries))[1] == f"Groups of equal clients: {words}; {word}."


def test_groups_that_were_not_run_alone_are_named(tmp_path: Path) -> None:
    entries = several(tmp_path, {"fedhca2": (1.1, 1.11, 1.09)}, "clients.1.count=2")
    words = f"{AT_REST} was not run"
    assert verdicts(entries)[GROUPS] == (words, None)
    assert finding(Study.of(entries))[1] == f"Groups of equal clients: {words}; so what they alone give is not known."


def test_what_the_groups_alone_do_as_fast_is_not_credited(tmp_path: Path) -> None:
    same = (1.1, 1.11, 1.09)
    entries = several(tmp_path, {"fedhca2": same, AT_REST: same}, "clients.1.count=2")
    words, word = verdicts(entries)[FASTER]
    assert words.endswith(f"better: local; not told apart: {AT_REST}")
    assert word == "not told apart"


def test_the_groups_alone_are_known_by_their_options(tmp_path: Path) -> None:
    entry = made(tmp_path, "fedhca2+hyper_learning_rate=0.0+beta=0+alpha=0.0", changes=["clients.1.count=2"])
    assert Study.of([entry]).groups_alone("") == entry.method


def test_more_clients(tmp_path: Path) -> None:
    def study(**qualities: tuple[tuple[float, ...], tuple[float, ...]]) -> Study:
        return Study.of(
            [
                made(
                    tmp_path / f"x{count}",
                    method,
                    seed,
                    setting=f"×{count}",
                    better=better,
                    changes=[f"clients.1.count={count}"],
                )
                for place, count in enumerate((1, 2))
                for method, each in {"local": ((1.0,) * 3,) * 2, **qualities}.items()
                for seed, better in enumerate(each[place])
            ]
        )

    noise = ((0.8, 0.81, 0.79), (0.79, 0.82, 0.79))
    claim = more_clients(study(fedavg=noise, fedhca2=((1.0, 1.01, 0.99), (1.1, 1.12, 1.09))))
    assert claim is not None
    assert (claim.measured, claim.word) == ("×1 to ×2: better: fedhca2; not told apart: fedavg", "better")
    assert more_clients(Study.of([made(tmp_path, "fedhca2")])) is None
    unmeasured = more_clients(study(fedavg=noise))
    assert unmeasured is not None
    assert unmeasured.word is None
